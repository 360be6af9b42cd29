package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"souk/shared/database"
)

const (
	// fewRows is how many rows a statement may read without an index: a table that does
	// not grow, or a limit.
	fewRows = 1_000
	// manyRows is how many rows it may read by an index, without a limit.
	manyRows = filledRows / 4
)

// step is a row of EXPLAIN: how a statement reads a table.
type step struct {
	table, kind string
	rows        int64
}

// readsTooMuch reports whether the step scans a table (ALL) or an index, or reads a large
// part of it.
func (s step) readsTooMuch(statement string) bool {
	scan := (s.kind == "ALL" || s.kind == "index") && s.rows > fewRows
	large := s.rows > manyRows && !strings.Contains(statement, "LIMIT")
	return scan || large
}

func explain(ctx context.Context, db *database.DB, statement string) ([]step, error) {
	// MySQL 9 explains as a tree by default.
	rows, err := db.QueryContext(ctx, "EXPLAIN FORMAT=TRADITIONAL "+statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var steps []step
	for rows.Next() {
		var table, kind sql.NullString
		var count sql.NullInt64 // NULL if the server finds that no row matches while it plans
		targets := make([]any, len(columns))
		for i, column := range columns {
			switch strings.ToLower(column) {
			case "table":
				targets[i] = &table
			case "type":
				targets[i] = &kind
			case "rows":
				targets[i] = &count
			default:
				targets[i] = new(any)
			}
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("read the plan: %w", err)
		}
		steps = append(steps, step{table: table.String, kind: kind.String, rows: count.Int64})
	}
	return steps, rows.Err()
}
