package functions_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions"
	"souk/shared/clock"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// sweep describes the rows that a scheduled function processes.
type sweep struct {
	table string
	// seed inserts a row that is due, and returns its id.
	seed func(t testing.TB, s *functiontest.Server) uuid.UUID
	// pending is a condition that a row fulfils until the sweep has processed it.
	pending string
}

// sweeps has the sweep of each scheduled function. TestSweepsIsolateRows fails when one is
// missing.
var sweeps = map[string]sweep{
	"product-outbox":    outboxSweep,
	"order-outbox":      outboxSweep,
	"payment-outbox":    outboxSweep,
	"user-outbox":       outboxSweep,
	"webhook-outbox":    outboxSweep,
	"payment-reconcile": {table: "operation", seed: seedCreation, pending: "state = 'pending'"},

	"order-expire": {table: "orders", seed: seedOrder, pending: "status = 'pending'"},
}

var outboxSweep = sweep{table: "outbox", seed: seedOutbox, pending: "published_at IS NULL"}

func seedOrder(t testing.TB, s *functiontest.Server) uuid.UUID {
	t.Helper()
	_, token := s.Tokens.Customer(t)
	return mustPost(t, s, "/v1/orders", token, expand(orderBody(t, s, account{}), true))
}

func seedOutbox(t testing.TB, s *functiontest.Server) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	_, err := s.DB.ExecContext(t.Context(), `
		INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, traceparent, created_at)
		VALUES (?, 'thing', ?, 'thing-created', '{}', '', ?)`, id[:], uuid.NewString(), time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// seedCreation inserts a payment that is to be created at the provider, and returns the id of its
// operation.
func seedCreation(t testing.TB, s *functiontest.Server) uuid.UUID {
	t.Helper()
	id, due := uuid.Must(uuid.NewV7()), time.Now().Add(-time.Hour)
	for _, statement := range []string{
		`INSERT INTO payment (order_id, user_id, provider, provider_version, state, version, amount, currency, capture_mode, captured,
			refunded, cancel_source, failure, declines, page_url, needs_read, next_at, created_at, updated_at)
		VALUES (?, ?, 'local', 0, 'requested', 1, 100, 'EUR', 'manual', 0, 0, '', '', 0, '', 0, ?, ?, ?)`,
		`INSERT INTO operation (id, order_id, kind, state, amount, generation, attempts, must_check, last_error, last_code, created_at, updated_at)
		SELECT ?, ?, 'create', 'pending', 100, 0, 0, 0, '', '', ?, ? FROM payment WHERE created_at <= ? LIMIT 1`,
	} {
		if _, err := s.DB.ExecContext(t.Context(), statement, id[:], id[:], due, due, due); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// mustStartSweeper serves a service whose clock is ahead, so that new orders expire at once.
func mustStartSweeper(t *testing.T, service string, options ...functiontest.Option) *functiontest.Server {
	t.Helper()
	settings := maps.Clone(environment(t))
	settings["ORDER_PENDING_FOR"] = "1m"
	ahead := func() time.Time { return clock.System().Add(2 * time.Minute) }
	return functiontest.Start(t, functions.Manifest(), service, services[service].Build, services[service].Migrations, settings,
		append(options, functiontest.WithClock(ahead))...)
}

// mustListTextColumns returns the text columns of a table, with the longest text of each, at
// most 40 characters.
func mustListTextColumns(t *testing.T, s *functiontest.Server, table string) map[string]int {
	t.Helper()
	rows, err := s.DB.QueryContext(t.Context(), `
		SELECT column_name, LEAST(character_maximum_length, 40) FROM information_schema.columns
		WHERE table_schema = DATABASE() AND table_name = ? AND data_type IN ('char', 'varchar', 'text', 'mediumtext', 'longtext', 'json')`, table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns := map[string]int{}
	for rows.Next() {
		var name string
		var length int
		if err := rows.Scan(&name, &length); err != nil {
			t.Fatal(err)
		}
		columns[name] = length
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return columns
}

// TestSweepsIsolateRows corrupts one row of those that a sweep finds, one column at a time:
// the sweep must process all others, and fail if the row remains pending.
func TestSweepsIsolateRows(t *testing.T) {
	t.Parallel()
	for _, f := range functions.Manifest().Functions {
		if f.Schedule == "" {
			continue
		}
		work, ok := sweeps[f.Name]
		if !ok {
			t.Errorf("the sweep of %s is missing in this test: add it to sweeps", f.Name)
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s := mustStartSweeper(t, f.Service)
			columns := mustListTextColumns(t, s, work.table)
			if len(columns) < 3 {
				t.Fatalf("found only %v", columns)
			}
			for column, length := range columns {
				for _, garbage := range []string{"", "{not JSON, not an id, not any known value\x01"[:min(length, 40)]} {
					t.Run(fmt.Sprintf("%s = %q", column, garbage), func(t *testing.T) {
						work.test(t, s, f, column, garbage)
					})
				}
			}
		})
	}
}

func (work sweep) test(t *testing.T, s *functiontest.Server, f manifest.Function, column, garbage string) {
	t.Helper()
	corrupted := work.seed(t, s)
	var others []any
	for range 3 {
		id := work.seed(t, s)
		others = append(others, id[:])
	}
	if _, err := s.DB.ExecContext(t.Context(), "UPDATE "+work.table+" SET "+column+" = ? WHERE id = ?", garbage, corrupted[:]); err != nil {
		t.Fatal(err)
	}
	isPending := mustCountRows(t, s, work.table, work.pending+" AND id = ?", corrupted[:]) == 1
	status := s.Deliver(t, f.Name, functiontest.NewEvent(t, f.Name, struct{}{})).Status
	if n := mustCountRows(t, s, work.table, work.pending+" AND id IN (?, ?, ?)", others...); n > 0 {
		t.Errorf("%d of 3 other rows are pending", n)
	}
	remains := isPending && mustCountRows(t, s, work.table, work.pending+" AND id = ?", corrupted[:]) == 1
	if want := map[bool]int{true: http.StatusInternalServerError, false: http.StatusNoContent}[remains]; status != want {
		t.Errorf("the sweep responds %d, want %d: a row remains pending: %t", status, want, remains)
	}
	if _, err := s.DB.ExecContext(t.Context(), "DELETE FROM "+work.table+" WHERE id = ?", corrupted[:]); err != nil {
		t.Fatal(err)
	}
}

func mustCountRows(t testing.TB, s *functiontest.Server, table, where string, args ...any) (n int) {
	t.Helper()
	query := strings.Join([]string{"SELECT COUNT(*) FROM", table, "WHERE", where}, " ")
	if err := s.DB.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
