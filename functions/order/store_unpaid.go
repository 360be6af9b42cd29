package order

import (
	"context"
	"strings"
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

// unpaidKey is the primary key of unpaid_order.
type unpaidKey struct{ source, order uuid.UUID }

// unpaidRow is a row of unpaid_order, and the status of its order, "" if there is no such order.
type unpaidRow struct {
	unpaidKey
	status Status
}

// selectUnpaidOrders returns a page of unpaid_order after a key, by the primary key.
func selectUnpaidOrders(ctx context.Context, q database.Queryer, after unpaidKey, limit int) ([]unpaidRow, error) {
	return database.Collect(ctx, q, func(row database.Scanner) (r unpaidRow, err error) {
		return r, row.Scan(&r.source, &r.order, &r.status)
	}, `
		SELECT u.source, u.order_id, COALESCE(o.status, '')
		FROM (
			SELECT source, order_id
			FROM unpaid_order FORCE INDEX (PRIMARY)
			WHERE (source = ? AND order_id > ?) OR source > ?
			ORDER BY source, order_id
			LIMIT ?
		) u
		LEFT JOIN orders o FORCE INDEX (PRIMARY) ON o.id = u.order_id
		ORDER BY u.source, u.order_id`, after.source[:], after.order[:], after.source[:], limit)
}

// deleteUnpaidOrders deletes rows of unpaid_order.
func deleteUnpaidOrders(ctx context.Context, tx *database.Tx, keys []unpaidKey) error {
	args := make([]any, 0, 2*len(keys))
	for _, k := range keys {
		args = append(args, k.source[:], k.order[:])
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM unpaid_order WHERE (source = ? AND order_id = ?)`+
		strings.Repeat(` OR (source = ? AND order_id = ?)`, len(keys)-1), args...)
	return err
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
