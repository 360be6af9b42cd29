package database_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"souk/shared/database"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Started by an import of the Cloud SQL connector's metrics.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

func mustExec(t *testing.T, db database.Queryer, query string, args ...any) int64 {
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

func mustQuery[T any](t *testing.T, db database.Queryer, query string, args ...any) T {
	t.Helper()
	var value T
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

// exec returns a transaction body that runs one statement.
func exec(query string, args ...any) func(context.Context, *database.Tx) error {
	return func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
}
