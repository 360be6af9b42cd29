package idempotency_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
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

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/failure"
	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
	"souk/shared/telemetry"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(dbtest.NewPlanChecker(m, nil, idempotency.Migrations),
		// Started by an import of the Cloud SQL connector's metrics.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The default client has idle connections to the servers of the tests.
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// effects is the table that requests insert into.
var effects = database.Migrations{Name: "effect", FS: fstest.MapFS{"00001_effect.sql": {
	Data: []byte("-- +goose Up\nCREATE TABLE effect (id BINARY(16) NOT NULL PRIMARY KEY);\n-- +goose Down\nDROP TABLE effect;\n"),
}}}

// fixture serves an operation with keys, and with a clock that the test sets.
type fixture struct {
	*idempotency.Keys
	db         *database.DB
	statements dbtest.Hook
	url        string

	mu  sync.Mutex
	now time.Time
}

// operation is the work of a request in its transaction.
type operation func(h *fixture, ctx context.Context, tx *database.Tx, r *http.Request) (idempotency.Response, error)

func open(t *testing.T, run operation) *fixture {
	t.Helper()
	return openWith(t, dbtest.PoolSize, run)
}

func openWith(t *testing.T, connections int, run operation) *fixture {
	t.Helper()
	h := &fixture{now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	proxy := dbtest.NewProxy(t, dbtest.Create(t, idempotency.Migrations, effects), h.statements.Decide)
	h.db = dbtest.Open(t, proxy.URL, connections)
	h.Keys = idempotency.NewKeys(h.db, h.clock)
	work := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, run) })
	mux := http.NewServeMux()
	mux.Handle("POST /required/{id}", h.Handler(idempotency.Operation{Name: "required", Required: true, MaxBody: 100}, work))
	mux.Handle("POST /optional/{id}", h.Handler(idempotency.Operation{Name: "optional", MaxBody: 100}, work))
	server := httptest.NewServer(identify(mux))
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

// invalid begins a body that is refused before the transaction.
const invalid = "invalid"

// serve handles a request as the adapter of shared/function does.
func (h *fixture) serve(w http.ResponseWriter, r *http.Request, run operation) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		failure.ProblemFromError(r.Context(), err).Write(w, r)
		return
	}
	if strings.HasPrefix(string(body), invalid) {
		api.Invalid("body", api.FieldFormat, "is invalid").Write(w, r)
		return
	}
	effect := func(ctx context.Context, tx *database.Tx) (idempotency.Response, error) { return run(h, ctx, tx, r) }
	request := idempotency.FromContext(r.Context())
	if request == nil {
		_ = h.db.InTx(r.Context(), func(ctx context.Context, tx *database.Tx) error {
			response, err := effect(ctx, tx)
			w.WriteHeader(response.Status)
			_, _ = w.Write(response.Body)
			return err
		})
		return
	}
	if _, err := request.Run(r.Context(), effect); err != nil {
		problem := failure.ProblemFromError(r.Context(), err)
		write := http.HandlerFunc(problem.Write)
		if err := request.StoreErrorResponse(r.Context(), idempotency.RecordResponse(write, r)); err != nil {
			problem = failure.ProblemFromError(r.Context(), err)
		}
		problem.Write(w, r)
	}
}

// identify uses the token as the caller's id, and gives the request a trace.
func identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, err := uuid.Parse(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")); err == nil {
			r = r.WithContext(auth.WithPrincipal(r.Context(), auth.Principal{UserID: id, Role: auth.Customer}))
		}
		next.ServeHTTP(w, r.WithContext(telemetry.FromHeader(r.Context(), r.Header)))
	})
}

func (h *fixture) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *fixture) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// testRequest is a request with a key.
type testRequest struct {
	caller, key, path, body string
}

func newTestRequest() testRequest {
	return testRequest{caller: uuid.NewString(), key: uuid.NewString(), path: "/required/1", body: `{"a":1}`}
}

func (s testRequest) request() functiontest.Request {
	return functiontest.Request{
		Method: http.MethodPost, Path: s.path, Token: s.caller, Body: s.body, Header: map[string]string{idempotency.HeaderKey: s.key},
	}
}

func (h *fixture) send(t *testing.T, s testRequest) functiontest.Response {
	t.Helper()
	return functiontest.Do(t, h.url, s.request())
}

// create is an operation that has an effect and responds with 201.
func (h *fixture) create(ctx context.Context, tx *database.Tx, _ *http.Request) (response idempotency.Response, err error) {
	id := uuid.New()
	if _, err := tx.ExecContext(ctx, `INSERT INTO effect (id) VALUES (?)`, id[:]); err != nil {
		return response, err
	}
	return idempotency.Response{
		Status: http.StatusCreated,
		Header: http.Header{"Content-Type": {"application/json"}, "Location": {"/effects/" + id.String()}},
		Body:   fmt.Appendf(nil, `{"id":%q}`, id),
	}, nil
}

// requireEffects fails the test unless there are want effects.
func (h *fixture) requireEffects(t *testing.T, want int) {
	t.Helper()
	if got := h.count(t, "effect"); got != want {
		t.Errorf("there are %d effects, want %d", got, want)
	}
}

func (h *fixture) count(t *testing.T, table string) (n int) {
	t.Helper()
	if err := h.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// requireReplay fails the test unless again is a replay of first, byte by byte.
func requireReplay(t *testing.T, first, again functiontest.Response) {
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

// hashPayload returns the payload hash of a request.
func hashPayload(s testRequest) []byte {
	h := sha256.New()
	for _, part := range []string{http.MethodPost, s.path, "", s.body} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}
