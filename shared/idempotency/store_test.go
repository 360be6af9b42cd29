package idempotency_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/dbtest"
	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
)

// TestCutConnection cuts the connection of an attempt before and after each of its
// statements. In the end there are one effect and one response, whatever the outcome of
// the attempt.
func TestCutConnection(t *testing.T) {
	t.Parallel()
	h := open(t, (*fixture).create)
	var statements []string
	h.statements.Set(func(statement string) dbtest.Fate {
		statements = append(statements, statement)
		return dbtest.Pass
	})
	h.send(t, newTestRequest()).MustBe(t, http.StatusCreated)
	h.statements.Set(nil)
	if last := statements[len(statements)-1]; len(statements) < 6 || !strings.Contains(strings.Join(statements, "\n"), "COMMIT") {
		t.Fatalf("an attempt is %d statements, the last %s", len(statements), last)
	}
	effects := 1
	for at := range statements {
		for _, cut := range []dbtest.Fate{dbtest.CutBefore, dbtest.CutAfter} {
			s := newTestRequest()
			var n atomic.Int64
			h.statements.Set(func(string) dbtest.Fate {
				if n.Add(1) == int64(at)+1 {
					return cut
				}
				return dbtest.Pass
			})
			first := h.send(t, s)
			h.statements.Set(nil)
			again := h.sendUntilFinal(t, s).MustBe(t, http.StatusCreated)
			if first.Status == http.StatusCreated {
				first.Header.Set(idempotency.HeaderReplayed, "true")
				requireReplay(t, first, again)
			} else { // the server has not noticed the end of the connection yet
				first.MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
			}
			requireReplay(t, again, h.send(t, s))
			effects++
			h.requireEffects(t, effects)
		}
	}
}

// TestPoolOfOne sends requests to an instance with one connection: an attempt that
// needed a second one would deadlock.
func TestPoolOfOne(t *testing.T) {
	t.Parallel()
	h := openWith(t, 1, (*fixture).create)
	var all sync.WaitGroup
	for range 4 {
		s := newTestRequest()
		for range 4 {
			all.Go(func() { h.sendUntilFinal(t, s).MustBe(t, http.StatusCreated) })
		}
	}
	all.Wait()
	h.requireEffects(t, 4)
}

// TestBusy sends a request to an instance without a free connection.
func TestBusy(t *testing.T) {
	t.Parallel()
	slow := &slowOperation{reached: make(chan struct{}), proceed: make(chan struct{})}
	h := openWith(t, 1, slow.run)
	first, s := newTestRequest(), newTestRequest()
	responses := slow.begin(t, h, first)
	busy := h.send(t, s)
	busy.MustBeProblem(t, http.StatusServiceUnavailable, "unavailable")
	if busy.Header.Get("Retry-After") == "" {
		t.Error("the response has no Retry-After")
	}
	slow.release()
	(<-responses).MustBe(t, http.StatusCreated)
	h.send(t, s).MustBe(t, http.StatusCreated)
	h.requireEffects(t, 2)
}

// insertKeys inserts keys of a caller that expire a second apart, the last in a day.
func (h *fixture) insertKeys(t *testing.T, caller string, keys int) {
	t.Helper()
	id := uuid.MustParse(caller)
	var values []string
	var args []any
	for i := range keys {
		scope := [32]byte{1, byte(i), byte(i >> 8)}
		values = append(values, "(?, ?, ?, 201, '{}', '', ?)")
		args = append(args, scope[:], scope[:], id[:], h.clock().Add(24*time.Hour-time.Duration(i)*time.Second))
	}
	_, err := h.db.ExecContext(t.Context(), `
		INSERT INTO idempotency_key (scope, payload, caller, status, header, body, expires_at)
		VALUES `+strings.Join(values, ", "), args...)
	if err != nil {
		t.Fatal(err)
	}
}

// TestMaxPerCaller has a caller use the maximum number of keys: more are refused until
// old ones expire, and no stored key loses its response.
func TestMaxPerCaller(t *testing.T) {
	t.Parallel()
	h := open(t, (*fixture).create)
	s, other := newTestRequest(), newTestRequest()
	first := h.send(t, s).MustBe(t, http.StatusCreated)
	firstKey := s.key
	h.insertKeys(t, s.caller, idempotency.MaxPerCaller-1)
	otherResponse := h.send(t, other).MustBe(t, http.StatusCreated)
	h.waitUntil(t, "a key beyond the limit is refused", func() bool {
		s.key = uuid.NewString()
		return h.send(t, s).Status == http.StatusTooManyRequests
	})
	s.key = uuid.NewString()
	refused := h.send(t, s)
	if refused.MustBeProblem(t, http.StatusTooManyRequests, api.CodeTooManyRequests); refused.Header.Get("Retry-After") == "" {
		t.Error("the refusal has no Retry-After")
	}
	repeated := s
	repeated.key = firstKey
	requireReplay(t, first, h.send(t, repeated))
	requireReplay(t, otherResponse, h.send(t, other))
	h.advance(23 * time.Hour) // most of the filled keys expire
	h.send(t, s).MustBe(t, http.StatusCreated)
}

// TestLegacyRows sends requests whose keys have rows without a response, written by the
// version that stored claim and response in separate transactions.
func TestLegacyRows(t *testing.T) {
	t.Parallel()
	for _, legacy := range []struct {
		lease    time.Duration
		effected bool
		code     string // "" for a new attempt
	}{
		{time.Second, false, "idempotency_in_flight"},
		{time.Second, true, "idempotency_in_flight"},
		{0, true, "idempotency_in_flight"},
		{0, false, ""},
	} {
		t.Run(fmt.Sprintf("%+v", legacy), func(t *testing.T) {
			t.Parallel()
			h := open(t, (*fixture).create)
			s := newTestRequest()
			h.send(t, s).MustBe(t, http.StatusCreated)
			var effectedAt any
			if legacy.effected {
				effectedAt = h.clock()
			}
			_, err := h.db.ExecContext(t.Context(), `
				UPDATE idempotency_key SET status = NULL, header = NULL, body = NULL, claim = ?, lease_until = ?, effected_at = ?`,
				"0123456789abcdef", h.clock().Add(legacy.lease), effectedAt)
			if err != nil {
				t.Fatal(err)
			}
			again := h.send(t, s)
			if legacy.code != "" {
				again.MustBeProblem(t, http.StatusConflict, legacy.code)
				return
			}
			requireReplay(t, again.MustBe(t, http.StatusCreated), h.send(t, s))
		})
	}
}

// TestLostResponses runs the migration of the rows whose responses that version lost.
func TestLostResponses(t *testing.T) {
	t.Parallel()
	h := open(t, (*fixture).create)
	s, dead := newTestRequest(), newTestRequest()
	h.send(t, s).MustBe(t, http.StatusCreated)
	h.send(t, dead).MustBe(t, http.StatusCreated)
	caller := uuid.MustParse(s.caller)
	for _, statement := range []string{
		`UPDATE idempotency_key SET status = NULL, header = NULL, body = NULL`,
		`UPDATE idempotency_key SET effected_at = expires_at WHERE caller = ?`,
		mustReadMigration(t, "migrations/00004_idempotency_key_lost.sql"),
	} {
		var args []any
		if strings.Contains(statement, "?") {
			args = append(args, caller[:])
		}
		if _, err := h.db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	lost := h.send(t, s)
	if lost.MustBe(t, http.StatusConflict); lost.Header.Get("Content-Type") != api.ProblemType || !strings.Contains(string(lost.Body), `"code":"idempotency_answer_lost"`) {
		t.Errorf("got %v %s", lost.Header, lost.Body)
	}
	requireReplay(t, lost, h.send(t, s))
	h.send(t, dead).MustBe(t, http.StatusCreated)
	h.requireEffects(t, 3)
}

// mustReadMigration returns the statement of a migration.
func mustReadMigration(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	up, _, _ := strings.Cut(string(text), "-- +goose Down")
	return strings.TrimSuffix(strings.TrimSpace(up), ";")
}

// requireReplays fails unless responses are replays of the first, but for one at most.
func requireReplays(t *testing.T, responses []functiontest.Response) {
	t.Helper()
	firsts := 0
	for i := range responses {
		responses[i].MustBe(t, http.StatusCreated)
		if responses[i].Header.Get(idempotency.HeaderReplayed) == "" {
			firsts++
			responses[i].Header.Set(idempotency.HeaderReplayed, "true")
		}
		requireReplay(t, responses[0], responses[i])
	}
	if firsts > 1 {
		t.Errorf("%d responses are not replays", firsts)
	}
}
