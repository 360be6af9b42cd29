package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"souk/shared/database"
)

// fewRows is how many rows a statement may read without a key: a table that does
// not grow, or a limit of so many.
const fewRows = 1000

// Explainer runs statements as its database does, and fails the test for each that
// the server would run by a scan of a whole table or index. What it says is worth
// as much as the tables are full and the statistics fresh: see Analyze.
type Explainer struct {
	*database.DB
	t testing.TB
}

// NewExplainer returns an explainer of the statements run on db.
func NewExplainer(t testing.TB, db *database.DB) *Explainer {
	t.Helper()
	return &Explainer{DB: db, t: t}
}

// Analyze has the server count what is in tables, for its plans to fit them.
func Analyze(t testing.TB, db *database.DB, tables ...string) {
	t.Helper()
	for _, table := range tables {
		var of, operation, kind, text string
		err := db.QueryRowContext(t.Context(), "ANALYZE TABLE `"+table+"`").Scan(&of, &operation, &kind, &text)
		if err != nil || kind != "status" {
			t.Fatalf("analyze %s: %s %s: %v", table, kind, text, err)
		}
	}
}

// ExecContext explains and runs a statement.
func (e *Explainer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	e.t.Helper()
	e.explain(ctx, query, args)
	return e.DB.ExecContext(ctx, query, args...)
}

// QueryContext explains and runs a statement.
func (e *Explainer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	e.t.Helper()
	e.explain(ctx, query, args)
	return e.DB.QueryContext(ctx, query, args...)
}

// QueryRowContext explains and runs a statement.
func (e *Explainer) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	e.t.Helper()
	e.explain(ctx, query, args)
	return e.DB.QueryRowContext(ctx, query, args...)
}

// explain judges the statements that look for rows.
func (e *Explainer) explain(ctx context.Context, query string, args []any) {
	e.t.Helper()
	verb, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	switch strings.ToUpper(strings.TrimSpace(verb)) {
	case "SELECT", "UPDATE", "DELETE":
	default:
		return
	}
	scans, err := e.Scans(ctx, query, args...)
	if err != nil {
		e.t.Errorf("explain %s: %v", query, err)
	}
	for _, scan := range scans {
		e.t.Errorf("a scan of %s by\n%s", scan, query)
	}
}

// Scans returns the tables that the server would scan for a statement.
func (e *Explainer) Scans(ctx context.Context, query string, args ...any) ([]string, error) {
	steps, err := e.plan(ctx, query, args)
	if err != nil {
		return nil, err
	}
	var scans []string
	for _, step := range steps {
		if step.scans() {
			scans = append(scans, fmt.Sprintf("%s (%s, %d rows)", step.table, step.kind, step.rows))
		}
	}
	return scans, nil
}

// step is a line of EXPLAIN.
type step struct {
	table, kind string
	rows        int64
}

// scans says whether the step reads a whole table (ALL) or a whole index.
func (s step) scans() bool { return (s.kind == "ALL" || s.kind == "index") && s.rows > fewRows }

func (e *Explainer) plan(ctx context.Context, query string, args []any) ([]step, error) {
	// MySQL 9 explains as a tree unless told otherwise.
	rows, err := e.DB.QueryContext(ctx, "EXPLAIN FORMAT=TRADITIONAL "+query, args...)
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
		var count sql.NullInt64
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
