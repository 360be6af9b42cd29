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

// sweep is work that a scheduled function finds in rows.
type sweep struct {
	table string
	// seed makes a row that is due, and returns its id.
	seed func(t testing.TB, s *functiontest.Server) uuid.UUID
	// pending is a condition that a row fulfils until the sweep is done with it.
	pending string
}

// sweeps has the work of each scheduled function. TestSweepsIsolateRows fails for one
// that is missing.
var sweeps = map[string]sweep{
	"product-outbox": outboxSweep,
	"order-outbox":   outboxSweep,
	"user-outbox":    outboxSweep,
	"order-expire":   {table: "orders", seed: seedOrder, pending: "status = 'pending'"},
}

var outboxSweep = sweep{table: "outbox", seed: seedOutbox, pending: "published_at IS NULL"}

func seedOrder(t testing.TB, s *functiontest.Server) uuid.UUID {
	t.Helper()
	_, token := s.Tokens.Customer(t)
	return mustPost(t, s, "/v1/orders", token, named(anOrder(t, s, account{}), true))
}

func seedOutbox(t testing.TB, s *functiontest.Server) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	_, err := s.DB.ExecContext(t.Context(), `
		INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, traceparent, created_at)
		VALUES (?, 'thing', ?, 'thing-made', '{}', '', ?)`, id[:], uuid.NewString(), time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// mustStartSweeper serves a service whose orders have been pending for too long as soon
// as they are placed.
func mustStartSweeper(t *testing.T, service string) *functiontest.Server {
	t.Helper()
	settings := maps.Clone(environment(t))
	settings["ORDER_PENDING_FOR"] = "1m"
	ahead := func() time.Time { return clock.System().Add(2 * time.Minute) }
	return functiontest.Start(t, functions.Manifest(), service, services[service].build, services[service].migrations, settings,
		functiontest.WithClock(ahead))
}

// mustListTexts returns the columns of a table that may hold what nobody can read, with
// the longest text that each takes.
func mustListTexts(t *testing.T, s *functiontest.Server, table string) map[string]int {
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

// TestSweepsIsolateRows spoils one row of those that a sweep finds, each column in its
// turn: the sweep does its work on all others, and fails if the row is left.
func TestSweepsIsolateRows(t *testing.T) {
	t.Parallel()
	for _, f := range functions.Manifest().Functions {
		if f.Schedule == "" {
			continue
		}
		work, known := sweeps[f.Name]
		if !known {
			t.Errorf("the rows of %s are missing in this test: add them to sweeps", f.Name)
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s := mustStartSweeper(t, f.Service)
			columns := mustListTexts(t, s, work.table)
			if len(columns) < 3 {
				t.Fatalf("found only %v", columns)
			}
			for column, length := range columns {
				for _, garbage := range []string{"", "{no json, no id, nothing at all that is known\x01"[:min(length, 40)]} {
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
	spoiled := work.seed(t, s)
	var others []any
	for range 3 {
		id := work.seed(t, s)
		others = append(others, id[:])
	}
	if _, err := s.DB.ExecContext(t.Context(), "UPDATE "+work.table+" SET "+column+" = ? WHERE id = ?", garbage, spoiled[:]); err != nil {
		t.Fatal(err)
	}
	isPending := mustCountRows(t, s, work.table, work.pending+" AND id = ?", spoiled[:]) == 1
	status := s.Deliver(t, f.Name, functiontest.NewEvent(t, f.Name, struct{}{})).Status
	if n := mustCountRows(t, s, work.table, work.pending+" AND id IN (?, ?, ?)", others...); n > 0 {
		t.Errorf("%d of 3 other rows are left", n)
	}
	left := isPending && mustCountRows(t, s, work.table, work.pending+" AND id = ?", spoiled[:]) == 1
	if want := map[bool]int{true: http.StatusInternalServerError, false: http.StatusNoContent}[left]; status != want {
		t.Errorf("the sweep responds %d, want %d: a row is left: %t", status, want, left)
	}
	if _, err := s.DB.ExecContext(t.Context(), "DELETE FROM "+work.table+" WHERE id = ?", spoiled[:]); err != nil {
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
