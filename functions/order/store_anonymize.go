package order

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// anonymizeOrders removes a customer's personal data from all of the customer's orders.
func anonymizeOrders(ctx context.Context, tx *database.Tx, userID uuid.UUID, now time.Time) error {
	return anonymizeOrdersWhere(ctx, tx, now, anonymization{
		orders: `o.user_id = ?`, discountUses: `customer_id = ?`, args: []any{userID[:]},
	})
}

// anonymizeOrdersByID removes the personal data of guests from orders.
func anonymizeOrdersByID(ctx context.Context, tx *database.Tx, ids []uuid.UUID, now time.Time) error {
	list := ` IN (` + database.Placeholders(len(ids)) + `)`
	return anonymizeOrdersWhere(ctx, tx, now, anonymization{orders: `o.id` + list, discountUses: `order_id` + list, args: database.IDs(ids)})
}

// anonymization has the conditions of the orders to anonymize, and of their uses of discounts, with
// their common arguments.
type anonymization struct {
	orders, discountUses string
	args                 []any
}

// anonymizeOrdersWhere removes personal data from orders. The reason of a cancellation by a customer
// or an admin may contain names, because it is free text. It is replaced by by_customer or by_shop.
// The carrier's tracking leads to the address, and the reason of a return and notes are free text. Tags
// remain.
func anonymizeOrdersWhere(ctx context.Context, tx *database.Tx, now time.Time, a anonymization) error {
	statements := []struct {
		sql  string
		args []any // before those of the condition
	}{
		{`
			UPDATE orders o
			JOIN order_history h ON h.order_id = o.id
			SET h.actor_id = IF(h.actor = ?, NULL, h.actor_id),
				h.request_id = IF(h.actor = ?, NULL, h.request_id),
				h.reason = IF(h.status = ? AND h.actor <> ?, IF(h.actor = ?, ?, ?), h.reason)
			WHERE ` + a.orders, []any{Customer, Customer, Cancelled, System, Customer, reasonByCustomer, reasonByShop}},
		{`
			UPDATE orders o
			JOIN shipment s ON s.order_id = o.id
			SET s.tracking_number = NULL, s.tracking_url = NULL
			WHERE ` + a.orders, nil},
		{`
			DELETE w
			FROM orders o
			JOIN order_word w ON w.order_id = o.id
			WHERE w.personal = 1 AND ` + a.orders, nil},
		{`
			UPDATE orders o
			JOIN order_return r ON r.order_id = o.id
			SET r.reason = ''
			WHERE ` + a.orders, nil},
		{`
			DELETE n
			FROM orders o
			JOIN order_note n ON n.order_id = o.id
			WHERE ` + a.orders, nil},
		{`UPDATE discount_use SET customer_id = ? WHERE ` + a.discountUses, []any{anonymousUser[:]}},
		{`
			UPDATE orders o
			SET o.user_id = ?, o.shipping_address = NULL, o.billing_address = NULL, o.email = NULL, o.contact_name = NULL,
				o.version = o.version + 1, o.updated_at = ?
			WHERE ` + a.orders, []any{anonymousUser[:], now}}, // last: the conditions read what it removes
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement.sql, slices.Concat(statement.args, a.args)...); err != nil {
			return err
		}
	}
	return nil
}
