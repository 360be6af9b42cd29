package database_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"souk/shared/database"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Runs from the import on; the Cloud SQL connector's metrics pull it in.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

func MustExec(t *testing.T, db database.Queryer, query string, args ...any) int64 {
	t.Helper()
	result, err := db.ExecContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func MustQuery[T any](t *testing.T, db database.Queryer, query string, args ...any) T {
	t.Helper()
	var value T
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

// exec is a transaction body that does one statement.
func exec(query string, args ...any) func(context.Context, *database.Tx) error {
	return func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
}
