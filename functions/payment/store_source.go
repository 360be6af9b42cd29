package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// insertSources stores where a payment comes from. An event of an older version has no sources: the
// customer is then the user.
func insertSources(ctx context.Context, tx *database.Tx, in stockReserved, at time.Time) error {
	sources := in.Sources
	if len(sources) == 0 {
		sources = []uuid.UUID{in.UserID}
	}
	var rows [][]any
	for i, kind := range []sourceKind{customerSource, networkSource} {
		if i < len(sources) {
			rows = append(rows, []any{in.OrderID[:], kind, sources[i][:], at})
		}
	}
	err := database.InsertRows(ctx, tx, "payment_source (order_id, kind, source, created_at)", "ON DUPLICATE KEY UPDATE kind = VALUES(kind)", rows)
	if err != nil {
		return fmt.Errorf("insert the sources of order %s: %w", in.OrderID, err)
	}
	return nil
}

// sumDeclines returns how many cards were declined for the payments that were created since a time
// and have a source of an order.
func sumDeclines(ctx context.Context, q database.Queryer, orderID uuid.UUID, since time.Time) (declines, error) {
	sums := declines{}
	return sums, database.Each(ctx, q, func(row database.Scanner) error {
		var kind sourceKind
		var sum int
		err := row.Scan(&kind, &sum)
		sums[kind] = sum
		return err
	}, `
		SELECT o.kind, SUM(p.declines)
		FROM payment_source o
		JOIN payment_source s ON s.source = o.source AND s.created_at >= ?
		JOIN payment p ON p.order_id = s.order_id
		WHERE o.order_id = ?
		GROUP BY o.kind`, since, orderID[:])
}

const pruneSourcesSQL = `DELETE FROM payment_source WHERE created_at < ? ORDER BY created_at LIMIT ?`
