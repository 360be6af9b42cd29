package order

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// anonymizeOrders removes a customer's personal data from all of the customer's orders. The
// reason of a cancellation by a customer or an admin may contain names, because it is free
// text. It is replaced by by_customer or by_shop.
func anonymizeOrders(ctx context.Context, tx *database.Tx, userID uuid.UUID, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE orders o
		JOIN order_history h ON h.order_id = o.id
		SET h.actor_id = IF(h.actor = ?, NULL, h.actor_id),
			h.reason = IF(h.status = ? AND h.actor <> ?, IF(h.actor = ?, ?, ?), h.reason)
		WHERE o.user_id = ?`,
		Customer, Cancelled, System, Customer, reasonByCustomer, reasonByShop, userID[:])
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE orders
		SET user_id = ?, shipping_address = NULL, version = version + 1, updated_at = ?
		WHERE user_id = ?`, anonymousUser[:], now, userID[:])
	return err
}
