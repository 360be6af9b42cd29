package order

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// anonymizeOrders removes a customer's personal data from all orders. A reason that a
// caller gave is free text, which may contain names: it is replaced by the kind of actor
// that gave it.
func anonymizeOrders(ctx context.Context, tx *database.Tx, userID uuid.UUID, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE orders o
		JOIN order_history h ON h.order_id = o.id
		SET h.actor_id = IF(h.actor = ?, NULL, h.actor_id),
			h.reason = IF(h.status = ? AND h.actor <> ?, IF(h.actor = ?, ?, ?), h.reason)
		WHERE o.user_id = ?`,
		Customer, Cancelled, System, Customer, byCustomer, byShop, userID[:])
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE orders
		SET user_id = ?, shipping_address = NULL, version = version + 1, updated_at = ?
		WHERE user_id = ?`, anonymousUser[:], now, userID[:])
	return err
}
