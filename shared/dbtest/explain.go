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
	// not grow, or a limit, and the row that shows that there are more.
	fewRows = 1_001
	// manyRows is how many rows it may read by an index, without a limit.
	manyRows = filledRows / 4
)

// step is a row of EXPLAIN: how a statement reads a table.
type step struct {
	table, kind string
	rows        int64
	extra       string // what the server does besides, such as "Using filesort"
}

// readsTooMuch reports whether the step scans a table (ALL) or an index, or reads a large
// part of it.
func (s step) readsTooMuch(statement string) bool {
	scan := (s.kind == "ALL" || s.kind == "index") && s.rows > fewRows
	large := s.rows > manyRows && !s.endsAtLimit(statement)
	return scan || large
}

// endsAtLimit reports whether the step reads no more rows than the statement's limit needs.
// If the server sorts or groups rows, it reads all of them first. The only exception is a
// loose index scan, for which it estimates the number of groups as rows.
func (s step) endsAtLimit(statement string) bool {
	sorts := strings.Contains(s.extra, "Using filesort") || strings.Contains(s.extra, "Using temporary")
	groups := strings.Contains(statement, "DISTINCT") || strings.Contains(statement, "GROUP BY")
	return strings.Contains(statement, "LIMIT") && !sorts && !groups
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
		var table, kind, extra sql.NullString
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
			case "extra":
				targets[i] = &extra
			default:
				targets[i] = new(any)
			}
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("read the plan: %w", err)
		}
		steps = append(steps, step{table: table.String, kind: kind.String, rows: count.Int64, extra: extra.String})
	}
	return steps, rows.Err()
}
