package chaos

import (
	"context"
	"database/sql"
	"net/url"
	"strconv"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// openDatabase opens a database of a server.
func openDatabase(serverURL, name string) (*sql.DB, error) {
	u, err := url.Parse(serverURL)
	if err != nil {
		return nil, err
	}
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr, config.DBName, config.ParseTime = u.User.Username(), "tcp", u.Host, name, true
	config.Passwd, _ = u.User.Password()
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// column returns the values of a query with one column.
func column[T any](ctx context.Context, q queryer, query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var values []T
	for rows.Next() {
		var value T
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, rows.Err()
}

func mustColumn[T any](t *testing.T, db *sql.DB, query string, args ...any) []T {
	t.Helper()
	values, err := column[T](t.Context(), db, query, args...)
	if err != nil {
		t.Fatalf("%v: %s", err, query)
	}
	return values
}

// requireNone requires that a query has no rows.
func requireNone(t *testing.T, db *sql.DB, what, query string, args ...any) {
	t.Helper()
	for _, row := range mustColumn[string](t, db, query, args...) {
		t.Errorf("%s: %s", what, row)
	}
}

// mustRows returns the rows of a query as texts.
func mustRows(t *testing.T, db *sql.DB, columns int, query string) (all [][]string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%v: %s", err, query)
	}
	defer rows.Close()
	for rows.Next() {
		row, pointers := make([]string, columns), make([]any, columns)
		for i := range row {
			pointers[i] = &row[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			t.Fatalf("%v: %s", err, query)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%v: %s", err, query)
	}
	return all
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
