package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"souk/shared/database"
)

const (
	// fewRows is how many rows a statement may read without a key: a table that
	// does not grow, or a limit of so many.
	fewRows = 1_000
	// manyRows is how many it may read by one, if it has no limit.
	manyRows = filledRows / 4
)

// step is how a statement reads a table, a line of EXPLAIN.
type step struct {
	table, kind string
	rows        int64
}

// tooMuch says whether the step reads a whole table (ALL) or index, or so much of
// one that it might as well.
func (s step) tooMuch(statement string) bool {
	whole := (s.kind == "ALL" || s.kind == "index") && s.rows > fewRows
	much := s.rows > manyRows && !strings.Contains(statement, "LIMIT")
	return whole || much
}

func explain(ctx context.Context, db *database.DB, statement string) ([]step, error) {
	// MySQL 9 explains as a tree unless told otherwise.
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
		var count sql.NullInt64 // NULL where the server knows beforehand that there is no such row
		into := make([]any, len(columns))
		for i, column := range columns {
			switch strings.ToLower(column) {
			case "table":
				into[i] = &table
			case "type":
				into[i] = &kind
			case "rows":
				into[i] = &count
			default:
				into[i] = new(any)
			}
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("read the plan: %w", err)
		}
		steps = append(steps, step{table: table.String, kind: kind.String, rows: count.Int64})
	}
	return steps, rows.Err()
}
