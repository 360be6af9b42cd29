package migration_test

import (
	"testing"

	"go.uber.org/goleak"

	"souk/shared/database"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Started by an import of the Cloud SQL connector's metrics.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

func mustQuery[T any](t *testing.T, db database.Queryer, query string, args ...any) T {
	t.Helper()
	var value T
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

func mustExec(t *testing.T, db database.Queryer, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
