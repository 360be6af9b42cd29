package order

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
)

// insertReturn inserts a new return of a locked order.
func insertReturn(ctx context.Context, tx *database.Tx, o *Order, r *Return) error {
	err := database.InsertRows(ctx, tx, "order_return (order_id, id, status, reason, requested_by, refund, refund_shipping, created_at, closed_at)", "",
		[][]any{{o.ID[:], r.ID[:], r.Status, r.Reason, r.RequestedBy, r.Refund, r.RefundShipping, r.CreatedAt, r.ClosedAt}})
	if err != nil {
		return err
	}
	return insertReturnLines(ctx, tx, o, r, "")
}

// insertReturnLines inserts the lines of a return.
func insertReturnLines(ctx context.Context, tx *database.Tx, o *Order, r *Return, suffix string) error {
	rows := make([][]any, len(r.Lines))
	for i, line := range r.Lines {
		rows[i] = []any{o.ID[:], r.ID[:], o.line(line.ProductID), line.Quantity, line.Received, line.Restock}
	}
	return database.InsertRows(ctx, tx, "order_return_item (order_id, return_id, line, quantity, received, restock)", suffix, rows)
}

// closeReturn stores the decision about an open return of a locked order.
func closeReturn(ctx context.Context, tx *database.Tx, o *Order, r *Return) error {
	closed, err := database.Affected(tx.ExecContext(ctx, `
		UPDATE order_return
		SET status = ?, refund = ?, refund_shipping = ?, closed_at = ?
		WHERE order_id = ? AND id = ? AND status = ?`,
		r.Status, r.Refund, r.RefundShipping, r.ClosedAt, o.ID[:], r.ID[:], ReturnRequested))
	if err == nil && !closed {
		err = errNoReturn
	}
	if err != nil {
		return err
	}
	return insertReturnLines(ctx, tx, o, r, `ON DUPLICATE KEY UPDATE received = VALUES(received), restock = VALUES(restock)`)
}

// loadReturns reads the returns of orders, whose shipments must be loaded, with one statement.
func loadReturns(ctx context.Context, q database.Queryer, orders map[uuid.UUID]*Order) error {
	ids := orderIDs(orders)
	var last *Return
	err := database.Each(ctx, q, func(row database.Scanner) error {
		var orderID uuid.UUID
		var r Return
		var closedAt sql.NullTime
		var number int
		var line ReturnLine
		err := row.Scan(&orderID, &r.ID, &r.Status, &r.Reason, &r.RequestedBy, &r.Refund, &r.RefundShipping, &r.CreatedAt, &closedAt,
			&number, &line.Quantity, &line.Received, &line.Restock)
		if err != nil {
			return err
		}
		o := orders[orderID]
		if number < 0 || number >= len(o.Items) {
			return fmt.Errorf("return %s of order %s has line %d of %d", r.ID, orderID, number, len(o.Items))
		}
		if closedAt.Valid {
			r.ClosedAt = &closedAt.Time
		}
		if last == nil || last.ID != r.ID {
			last = o.addReturn(r)
		}
		line.ProductID = o.Items[number].ProductID
		last.Lines = append(last.Lines, line)
		o.countReturn(last, line)
		return nil
	}, `
		SELECT r.order_id, r.id, r.status, r.reason, r.requested_by, r.refund, r.refund_shipping, r.created_at, r.closed_at,
			i.line, i.quantity, i.received, i.restock
		FROM order_return r FORCE INDEX (PRIMARY)
		JOIN order_return_item i FORCE INDEX (PRIMARY) ON i.order_id = r.order_id AND i.return_id = r.id
		WHERE r.order_id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY r.order_id, r.id, i.line`, ids...)
	if err != nil {
		return fmt.Errorf("read the returns of %d orders: %w", len(orders), err)
	}
	return nil
}
