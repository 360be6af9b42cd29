package database

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// EstimateRows returns how many rows the server expects to read for the SELECTs of a UNION, in
// their order, each of one table. It does not execute them. 0 means that no row matches.
func EstimateRows(ctx context.Context, q Queryer, query string, args ...any) (counts []float64, err error) {
	// MySQL 9 explains as a tree by default.
	rows, err := q.QueryContext(ctx, `EXPLAIN FORMAT=TRADITIONAL `+query, args...)
	if err != nil {
		return nil, fmt.Errorf("estimate rows: %w", err)
	}
	defer rows.Close()
	columns, err := rows.Columns() // they differ between servers
	if err != nil {
		return nil, fmt.Errorf("estimate rows: %w", err)
	}
	var id sql.NullInt64      // the number of the SELECT, NULL for the row of the UNION
	var count sql.NullFloat64 // NULL if the server finds that no row matches while it plans
	into := make([]any, len(columns))
	for i, column := range columns {
		switch strings.ToLower(column) {
		case "id":
			into[i] = &id
		case "rows":
			into[i] = &count
		default:
			into[i] = new(sql.RawBytes)
		}
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("estimate rows: %w", err)
		}
		if id.Valid {
			counts = append(counts, count.Float64)
		}
	}
	return counts, rows.Err()
}
