package audit

import (
	"context"
	"database/sql"

	"github.com/google/uuid"
)

// payments checks that orders, their histories and their events agree on whether an order must be
// paid. The payment service gets the events with the attribute alone: without it an order would be
// sent unpaid.
func (a *auditor) payments(ctx context.Context) error {
	err := a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var payment string
		if err := rows.Scan(&id, &payment); err != nil {
			return err
		}
		a.find(OrderPayment, about("order", id), "has payment %q, but has waited for it, or there is no such payment", payment)
		return nil
	}, `
		SELECT o.id, o.payment
		FROM orders o
		WHERE o.payment NOT IN ('none', 'required') OR o.payment = 'none' AND EXISTS (
			SELECT 1
			FROM order_history h
			WHERE h.order_id = o.id AND h.status = 'awaiting_payment')
		ORDER BY o.id`)
	if err != nil {
		return err
	}
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var payment, eventType string
		var attributes sql.NullString
		if err := rows.Scan(&id, &payment, &eventType, &attributes); err != nil {
			return err
		}
		a.find(OrderPayment, about("order", id), "has payment %q, but its event %s has the attributes %q", payment, eventType, attributes.String)
		return nil
	}, `
		SELECT o.id, o.payment, e.type, e.attributes
		FROM outbox e
		JOIN orders o ON o.id = `+eventOrder+`
		WHERE e.aggregatetype = 'order' AND (o.payment = 'required') <> (COALESCE(e.attributes, '') LIKE '%"payment":"required"%')
		ORDER BY o.id, e.id`)
}
