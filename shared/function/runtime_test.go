package function_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/function"
	"souk/shared/function/functiontest"
)

const sweepList = `
delivery: {ackDeadline: 30s, minBackoff: 1s, maxBackoff: 600s, maxDeliveryAttempts: 20}
scaling: {function: {http: &s {concurrency: 40, memory: 256Mi, cpu: "1", minInstances: 0, maxInstances: 3, pool: 2}, push: *s}, service: {http: *s, push: *s}}
functions:
  - {name: test-outbox, service: test, schedule: "* * * * *"}
`

// TestSweep checks that the outbox function of a service deletes expired rows of the shared
// tables, and calls all of the service's own sweeps, also after one has failed.
func TestSweep(t *testing.T) {
	t.Parallel()
	var calls []string
	own := func(name string, err error) func(context.Context) error {
		return func(context.Context) error {
			calls = append(calls, name)
			return err
		}
	}
	s := functiontest.Start(t, mustManifest(t, sweepList), "test", func(runtime *function.Runtime) ([]function.Function, error) {
		return []function.Function{function.Schedule("test-outbox", runtime.Sweep(own("first", errInside), own("second", nil)))}, nil
	}, migrations, nil)
	id, lastYear := uuid.New(), time.Now().UTC().AddDate(-1, 0, 0)
	for _, insert := range []struct {
		statement string
		args      []any
	}{
		{`INSERT INTO access_revocation (subject, min_rights_version, stored_at) VALUES (?, 1, ?)`, []any{id[:], lastYear}},
		{`INSERT INTO idempotency_key (scope, payload, expires_at) VALUES (?, ?, ?)`, []any{make([]byte, 32), make([]byte, 32), lastYear}},
	} {
		if _, err := s.DB.ExecContext(t.Context(), insert.statement, insert.args...); err != nil {
			t.Fatal(err)
		}
	}
	s.Deliver(t, "test-outbox", functiontest.NewEvent(t, "test-outbox", struct{}{})).MustBe(t, http.StatusInternalServerError)
	if want := []string{"first", "second"}; !slices.Equal(calls, want) {
		t.Errorf("called were %v, want %v", calls, want)
	}
	for _, table := range []string{"access_revocation", "idempotency_key"} {
		var n int
		if err := s.DB.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s has %d expired rows (%v)", table, n, err)
		}
	}
}
