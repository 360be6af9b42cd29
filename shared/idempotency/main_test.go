package idempotency_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/failure"
	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
	"souk/shared/telemetry"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(dbtest.PlansOf(m, nil, idempotency.Migrations),
		// Runs from the import on; the Cloud SQL connector's metrics pull it in.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The default client keeps its connections to the servers of the tests.
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// effects is the table in which a request has its effect.
var effects = database.Migrations{Name: "effect", FS: fstest.MapFS{"00001_effect.sql": {
	Data: []byte("-- +goose Up\nCREATE TABLE effect (id BINARY(16) NOT NULL PRIMARY KEY);\n-- +goose Down\nDROP TABLE effect;\n"),
}}}

// house serves an operation whose keys, clock and callers are the test's.
type house struct {
	*idempotency.Keys
	db  *database.DB
	url string

	mu  sync.Mutex
	now time.Time
}

// do is what an operation does.
type do func(h *house, w http.ResponseWriter, r *http.Request) error

func open(t *testing.T, do do) *house {
	t.Helper()
	h := &house{db: dbtest.New(t, idempotency.Migrations, effects), now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	h.Keys = idempotency.NewKeys(h.db, h.clock)
	work := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := do(h, w, r); err != nil {
			failure.Problem(r.Context(), err).Write(w, r)
		}
	})
	mux := http.NewServeMux()
	mux.Handle("POST /required/{id}", h.Handler(idempotency.Operation{Name: "required", Required: true, MaxBody: 100}, work))
	mux.Handle("POST /optional/{id}", h.Handler(idempotency.Operation{Name: "optional", MaxBody: 100}, work))
	server := httptest.NewServer(identify(mux))
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

// identify takes the token for the caller's id, and gives the request its trace.
func identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, err := uuid.Parse(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")); err == nil {
			r = r.WithContext(auth.WithPrincipal(r.Context(), auth.Principal{UserID: id, Role: auth.Customer}))
		}
		next.ServeHTTP(w, r.WithContext(telemetry.FromHeader(r.Context(), r.Header)))
	})
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// send is one request with a key.
type send struct {
	caller, key, path, body string
}

func newSend() send {
	return send{caller: uuid.NewString(), key: uuid.NewString(), path: "/required/1", body: `{"a":1}`}
}

func (s send) request() functiontest.Request {
	return functiontest.Request{
		Method: http.MethodPost, Path: s.path, Token: s.caller, Body: s.body, Header: map[string]string{idempotency.HeaderKey: s.key},
	}
}

func (h *house) send(t *testing.T, s send) functiontest.Response {
	t.Helper()
	return functiontest.Do(t, h.url, s.request())
}

// effect has an effect in a transaction, and returns its id.
func (h *house) effect(ctx context.Context) (id uuid.UUID, err error) {
	err = h.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		id = uuid.New()
		_, err := tx.ExecContext(ctx, `INSERT INTO effect (id) VALUES (?)`, id[:])
		return err
	})
	return id, err
}

// make is an operation that has an effect and answers 201.
func (h *house) make(w http.ResponseWriter, r *http.Request) error {
	id, err := h.effect(r.Context())
	if err != nil {
		return err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Location", "/made/"+id.String())
	w.WriteHeader(http.StatusCreated)
	_, err = fmt.Fprintf(w, `{"id":%q,"of":%q}`, id, body)
	return err
}

// mustHaveEffects fails unless there are so many effects.
func (h *house) mustHaveEffects(t *testing.T, want int) {
	t.Helper()
	if got := h.count(t, "effect"); got != want {
		t.Errorf("there are %d effects, want %d", got, want)
	}
}

func (h *house) count(t *testing.T, table string) (n int) {
	t.Helper()
	if err := h.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// mustReplay fails unless an answer is another's replay, to the byte.
func mustReplay(t *testing.T, first, again functiontest.Response) {
	t.Helper()
	if again.Header.Get(idempotency.HeaderReplayed) != "true" {
		t.Errorf("not a replay: %d %s", again.Status, again.Body)
	}
	if again.Status != first.Status || string(again.Body) != string(first.Body) {
		t.Errorf("replayed %d %s, want %d %s", again.Status, again.Body, first.Status, first.Body)
	}
	for _, name := range []string{"Content-Type", "Location", "Content-Length"} {
		if again.Header.Get(name) != first.Header.Get(name) {
			t.Errorf("replayed %s: %q, want %q", name, again.Header.Get(name), first.Header.Get(name))
		}
	}
}
