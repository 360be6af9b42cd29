package order

import (
	"context"

	"souk/functions/order/history"
	"souk/shared/database"
	"souk/shared/trail"
)

// resourceOrder is the kind of the resource order, with its shipments and returns, in the trail.
const resourceOrder = history.Resource

// historyRow is what is stored of the last entry of an order's history.
type historyRow struct {
	order *Order
	// cause is the context of the request or message that causes the change, if the row is also
	// the change's entry in the trail: that of orders that are placed, and of those that functions
	// change. So these, which are most, take no statement more. It is nil for the others, whose
	// entries are in the table trail.
	cause context.Context //nolint:containedctx // of a request or message of a batch
}

// values returns the values of history.Columns. The column moved_at is the time of the change.
func (r *historyRow) values() []any {
	o := r.order
	entry := &o.History[len(o.History)-1]
	values := []any{o.ID[:], o.Version, entry.Status, entry.At, entry.Reason, entry.Actor, nullable(entry.actorID)}
	if r.cause == nil {
		return append(values, nil, nil, nil, nil, nil)
	}
	origin := trail.OriginFrom(r.cause)
	return append(values, entry.At, trail.ActorFrom(r.cause).Kind, origin.Operation, origin.RequestID, origin.TraceID)
}

// insertHistoryEntries inserts the last entry of the history of each order.
func insertHistoryEntries(ctx context.Context, tx *database.Tx, entries []historyRow) error {
	rows := make([][]any, len(entries))
	for i := range entries {
		rows[i] = entries[i].values()
	}
	return database.InsertRows(ctx, tx, "order_history ("+history.Columns+")", "", rows)
}
