package order

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// lockSources locks the rows of sources until the transaction ends, in the order of their ids.
func lockSources(ctx context.Context, tx *database.Tx, ids []uuid.UUID, at time.Time) error {
	rows := make([][]any, len(ids))
	for i, id := range ids {
		rows[i] = []any{id[:], at}
	}
	return database.InsertRows(ctx, tx, "order_source (id, used_at)", "ON DUPLICATE KEY UPDATE used_at = VALUES(used_at)", rows)
}

// countUnpaidOrders returns the numbers of unpaid orders of sources.
func countUnpaidOrders(ctx context.Context, tx *database.Tx, ids []uuid.UUID) (unpaidOrders, error) {
	return collectCounts(ctx, tx, `
		SELECT u.source, COUNT(*)
		FROM unpaid_order u
		JOIN orders o ON o.id = u.order_id
		WHERE u.source IN (`+database.Placeholders(len(ids))+`) AND o.status IN (?, ?)
		GROUP BY u.source`, append(database.IDs(ids), Pending, AwaitingPayment)...)
}

// insertUnpaidOrders stores the sources of new orders that must be paid.
func insertUnpaidOrders(ctx context.Context, tx *database.Tx, placed []*placement) error {
	var rows [][]any
	for _, p := range placed {
		if p.order.Payment != PaymentRequired {
			continue
		}
		for _, id := range newSources(p.context, p.order).ids() {
			rows = append(rows, []any{id[:], p.order.ID[:], p.order.CreatedAt})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return database.InsertRows(ctx, tx, "unpaid_order (source, order_id, placed_at)", "", rows)
}

// deleteSource deletes a source of orders.
func deleteSource(ctx context.Context, tx *database.Tx, id uuid.UUID) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM unpaid_order WHERE source = ?`, id[:]); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM order_source WHERE id = ?`, id[:])
	return err
}

const (
	pruneUnpaidOrdersSQL = `DELETE FROM unpaid_order WHERE placed_at < ? ORDER BY placed_at LIMIT ?`
	pruneSourcesSQL      = `DELETE FROM order_source WHERE used_at < ? ORDER BY used_at LIMIT ?`
)
