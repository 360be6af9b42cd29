package database

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// ErrNotFound is the error of reading or changing a row that does not exist.
var ErrNotFound = errors.New("not found")

// Scanner is a row that a query has returned.
type Scanner interface{ Scan(into ...any) error }

// ScanColumn scans a row of one column, for Get and Collect.
func ScanColumn[T any](row Scanner) (value T, err error) {
	err = row.Scan(&value)
	return value, err
}

// Get returns the first row of a query, or ErrNotFound.
func Get[T any](ctx context.Context, q Queryer, scan func(Scanner) (T, error), query string, args ...any) (T, error) {
	value, err := scan(q.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return value, err
}

// Each calls f with every row of a query, in order, until f returns an error.
func Each(ctx context.Context, q Queryer, f func(Scanner) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Collect returns all rows of a query, in order. Without rows it returns an empty list,
// not nil, because nil is null in JSON.
func Collect[T any](ctx context.Context, q Queryer, scan func(Scanner) (T, error), query string, args ...any) ([]T, error) {
	values := []T{}
	err := Each(ctx, q, func(row Scanner) error {
		value, err := scan(row)
		if err != nil {
			return err
		}
		values = append(values, value)
		return nil
	}, query, args...)
	return values, err
}

// Affected reports whether a statement has matched or inserted a row. Its arguments are
// the results of ExecContext.
func Affected(result sql.Result, err error) (bool, error) {
	rows, err := AffectedRows(result, err)
	return rows > 0, err
}

// AffectedRows returns the number of rows that a statement has matched or inserted. Its
// arguments are the results of ExecContext.
func AffectedRows(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// InsertRows inserts rows with one statement. The target is a table and its columns,
// such as `item (order_id, line)`; suffix follows the values, such as `ON DUPLICATE KEY
// UPDATE …`, and may be empty. Without rows it does nothing.
func InsertRows(ctx context.Context, q Queryer, target, suffix string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	row := "(" + Placeholders(len(rows[0])) + ")"
	var args []any
	for i, values := range rows {
		if len(values) != len(rows[0]) {
			return fmt.Errorf("insert into %s: row %d has %d values, the first has %d", target, i, len(values), len(rows[0]))
		}
		args = append(args, values...)
	}
	_, err := q.ExecContext(ctx, "INSERT INTO "+target+" VALUES "+row+strings.Repeat(", "+row, len(rows)-1)+" "+suffix, args...)
	return err
}

// Placeholders returns n question marks with commas in between, for an IN list. It
// panics if n is not positive: an empty IN list is a syntax error in MySQL.
func Placeholders(n int) string { return "?" + strings.Repeat(", ?", n-1) }

// IDs returns ids as arguments of a statement, for an IN list of BINARY(16).
func IDs(ids []uuid.UUID) []any {
	args := make([]any, len(ids))
	for i := range ids {
		args[i] = ids[i][:]
	}
	return args
}

// CompareIDs compares ids in the order of BINARY(16).
func CompareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// SortedIDs returns distinct ids in ascending order. Transactions that lock or insert rows in this
// order do not deadlock.
func SortedIDs(ids iter.Seq[uuid.UUID]) []uuid.UUID {
	return slices.Compact(slices.SortedFunc(ids, CompareIDs))
}

// Args returns values as arguments of a statement, for an IN list.
func Args[T any](values []T) []any {
	args := make([]any, len(values))
	for i, value := range values {
		args[i] = value
	}
	return args
}
