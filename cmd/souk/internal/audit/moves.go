package audit

import (
	"context"
	"database/sql"

	"github.com/google/uuid"
)

// moves compares the moves of orders with the events in the outbox: the two are
// written in one transaction, the placing of the order included.
func (a *auditor) moves(ctx context.Context) error {
	if err := a.movesWithoutEvent(ctx); err != nil {
		return err
	}
	return a.eventsWithoutMove(ctx)
}

func (a *auditor) movesWithoutEvent(ctx context.Context) error {
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var eventType string
		var events int64
		if err := rows.Scan(&id, &eventType, &events); err != nil {
			return err
		}
		a.find(EventMissing, about("order", id), "has moved, and has %d events %s for it, not one", events, eventType)
		return nil
	}, `
		SELECT t.id, t.type, SUM(t.events)
		FROM (
			SELECT h.order_id AS id, IF(h.status = 'pending', 'order-placed', CONCAT('order-', h.status)) AS type, 1 AS moves, 0 AS events
			FROM order_history h
			JOIN orders o ON o.id = h.order_id
			WHERE h.moved_at >= ?
			UNION ALL
			SELECT `+eventOrder+`, e.type, 0, 1
			FROM outbox e
			WHERE `+isOrderEvent+`
		) t
		GROUP BY t.id, t.type
		HAVING SUM(t.moves) > 0 AND SUM(t.events) <> 1
		ORDER BY t.id, t.type`, a.retained())
}

func (a *auditor) eventsWithoutMove(ctx context.Context) error {
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var eventType string
		if err := rows.Scan(&id, &eventType); err != nil {
			return err
		}
		a.find(EventMissing, about("order", id), "has an event %s, and no such move in its history", eventType)
		return nil
	}, `
		SELECT o.id, e.type
		FROM outbox e
		JOIN orders o ON o.id = `+eventOrder+`
		LEFT JOIN order_history h ON h.order_id = o.id
			AND h.status = IF(e.type = 'order-placed', 'pending', SUBSTRING(e.type, 7))
		WHERE `+isOrderEvent+` AND h.order_id IS NULL
		ORDER BY e.id`)
}
