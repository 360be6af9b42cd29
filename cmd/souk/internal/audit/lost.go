package audit

import (
	"bytes"
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// lost looks in the order database for traces of orders that do not exist. Orders are
// never deleted. Reservations, which outlive the other traces, are compared by
// reservations.
func (a *auditor) lost(ctx context.Context) error {
	traces := map[uuid.UUID][]string{}
	err := a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var trace string
		if err := rows.Scan(&id, &trace); err != nil {
			return err
		}
		traces[id] = append(traces[id], trace)
		return nil
	}, `
		SELECT `+eventOrder+`, CONCAT('the event ', e.type)
		FROM outbox e
		LEFT JOIN orders o ON o.id = `+eventOrder+`
		WHERE o.id IS NULL AND `+isOrderEvent+`
		UNION
		SELECT i.order_id, 'lines'
		FROM order_item i
		LEFT JOIN orders o ON o.id = i.order_id
		WHERE o.id IS NULL
		UNION
		SELECT h.order_id, 'a history'
		FROM order_history h
		LEFT JOIN orders o ON o.id = h.order_id
		WHERE o.id IS NULL
		UNION
		SELECT k.id, 'the response that created it'
		FROM (
			SELECT `+recordedOrder+` AS id
			FROM idempotency_key
			WHERE `+recordsOrder+`
		) k
		LEFT JOIN orders o ON o.id = k.id
		WHERE o.id IS NULL`)
	if err != nil {
		return err
	}
	ids := slices.SortedFunc(maps.Keys(traces), func(x, y uuid.UUID) int { return bytes.Compare(x[:], y[:]) })
	for _, id := range ids {
		slices.Sort(traces[id])
		a.find(OrderLost, about("order", id), "does not exist, but there is: %s", strings.Join(traces[id], ", "))
	}
	return nil
}
