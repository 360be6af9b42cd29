package order

import (
	"context"
	"testing"

	"souk/shared/database"
)

// TestNumberTaken requires that new orders get other numbers if one is taken.
func TestNumberTaken(t *testing.T) {
	t.Parallel()
	f := openBatch(t, 1)
	first := f.mustPlaceAsGuest(t, "ada@example.com")
	f.mustInTx(t, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE orders SET number = '7KQ42MXW' WHERE id = ?`, first.ID[:])
		return err
	})
	second, third := newGuestOrder(f, "ada@example.com"), newGuestOrder(f, "ada@example.com")
	second.Number, third.Number = "S-7KQ4-2MXX", "S-7KQ4-2MXW"
	f.mustInTx(t, func(ctx context.Context, tx *database.Tx) error {
		return insertOrders(ctx, tx, []*placement{{order: second, context: ctx}, {order: third, context: ctx}})
	})
	for _, o := range []*Order{second, third} {
		stored, err := selectOrder(t.Context(), f.DB, o.ID)
		if err != nil || stored.Number != o.Number || stored.Number == "S-7KQ4-2MXW" {
			t.Errorf("the order with the number %s is stored as %+v: %v", o.Number, stored, err)
		}
	}
}
