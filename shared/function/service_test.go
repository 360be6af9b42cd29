package function_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// logged is what all tests of the package log, for the log is the process's.
var logged = logBook{grown: make(chan struct{})}

func TestMain(m *testing.M) {
	slog.SetDefault(telemetry.LogConfig{Project: "souk-test", Level: slog.LevelDebug}.NewLogger(&logged))
	goleak.VerifyTestMain(m,
		// Runs from the import on; the Cloud SQL connector's metrics pull it in.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The default client keeps its connections to the servers of the tests.
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

type logBook struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{} // closed, and replaced, with each line
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.grown)
	l.grown = make(chan struct{})
	return l.text.Write(b)
}

// of returns the lines of a trace.
func (l *logBook) of(trace string) []string {
	lines, _ := l.watch(trace)
	return lines
}

// watch returns the lines of a trace, and a channel that is closed when there may
// be more.
func (l *logBook) watch(trace string) (lines []string, grown <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, trace) {
			lines = append(lines, line)
		}
	}
	return lines, l.grown
}

// MustLine returns the one line of a trace with that message, once it is written:
// the request log comes after the answer.
func MustLine(t *testing.T, trace, message string) map[string]any {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		lines, grown := logged.watch(trace)
		for _, text := range lines {
			var line map[string]any
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatalf("decode %q: %v", text, err)
			}
			if line["message"] == message {
				return line
			}
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("no line %q of trace %s in %v", message, trace, lines)
		}
	}
}

// newTrace returns the id of a new trace and the header that passes it on.
func newTrace() (id string, header map[string]string) {
	id = strings.ReplaceAll(uuid.NewString(), "-", "")
	return id, map[string]string{"Traceparent": "00-" + id + "-00f067aa0ba902b7-01"}
}

const list = `
delivery: {ackDeadline: 30s, minBackoff: 1s, maxBackoff: 600s, maxDeliveryAttempts: 20}
scaling: {function: {http: &s {concurrency: 40, memory: 256Mi, cpu: "1", minInstances: 0, maxInstances: 3, pool: 2}, push: *s}, service: {http: *s, push: *s}}
functions:
  - {name: account-make, service: test, http: POST /v1/accounts, access: anyone, publishes: [account-made]}
  - {name: account-get, service: test, http: "GET /v1/accounts/{id}", access: anyone}
  - {name: failure-make, service: test, http: "POST /v1/failures/{kind}", access: anyone}
  - {name: secret-get, service: test, http: GET /v1/secret, access: user}
  - {name: account-end, service: test, http: "DELETE /v1/accounts/{id}", access: anyone}
  - {name: login-end, service: test, http: "DELETE /v1/logins/{id}", access: anyone}
  - {name: account-keep, service: test, events: [account-made], publishes: [account-kept]}
  - {name: account-sweep, service: test, schedule: "* * * * *"}
`

func MustManifest(t testing.TB, text string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// migrations make the table in which account-keep has its effect.
var migrations = database.Migrations{Name: "kept", FS: fstest.MapFS{"00001_kept.sql": {
	Data: []byte("-- +goose Up\nCREATE TABLE kept (name VARCHAR(64) NOT NULL);\n-- +goose Down\nDROP TABLE kept;\n"),
}}}

type account struct {
	Name     string `json:"name" minLength:"1" maxLength:"20"`
	Password string `json:"password" minLength:"8" maxLength:"20" pattern:"^[a-z ]+$"`
	Age      int8   `json:"age,omitempty" minimum:"0"`
}

type accountInput struct {
	Notify bool `query:"notify"`
	Body   account
}

type named struct {
	Body struct {
		Name string `json:"name"`
	}
}

// errInside is an error of the service that no client may read.
var errInside = errors.New("SELECT hunter2 FROM accounts: table is gone")

// build makes the service's functions.
func build(runtime *function.Runtime) ([]function.Function, error) {
	s := &service{runtime}
	return []function.Function{
		function.HTTP("account-make", s.makeAccount, function.Created),
		function.HTTP("account-get", s.getAccount),
		function.HTTP("failure-make", s.fail),
		function.HTTP("secret-get", s.getSecret),
		function.HTTP("account-end", s.end),
		function.HTTP("login-end", s.end, function.Unconditional),
		function.Event("account-keep", s.keep),
		function.Schedule("account-sweep", s.sweep),
	}, nil
}

type service struct{ *function.Runtime }

func (s *service) makeAccount(_ context.Context, in *accountInput) (*named, error) {
	out := &named{}
	out.Body.Name = in.Body.Name
	return out, nil
}

func (s *service) getAccount(_ context.Context, in *struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}) (*api.Resource[account], error) {
	return &api.Resource[account]{ETag: api.ETag(3), Body: account{Name: in.ID.String()}}, nil
}

func (s *service) end(context.Context, *struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}) (*struct{}, error) {
	return nil, nil //nolint:nilnil // huma's way to answer 204
}

func (s *service) getSecret(ctx context.Context, _ *struct{}) (*named, error) {
	out := &named{}
	out.Body.Name = telemetry.Attribute(ctx)
	return out, nil
}

func (s *service) fail(ctx context.Context, in *struct {
	Kind string `path:"kind"`
}) (*named, error) {
	problem := api.NewProblem(http.StatusConflict, "sold_out", "Nothing is left.").WithHeader("Retry-After", "7")
	switch in.Kind {
	case "panic":
		panic(errInside)
	case "error":
		return nil, fmt.Errorf("make a failure: %w", errInside)
	case "problem":
		return nil, problem
	case "wrapped":
		return nil, fmt.Errorf("%w: make a failure: %w", errInside, problem)
	case "ended":
		<-ctx.Done()
		return nil, fmt.Errorf("%w: %w", errInside, ctx.Err())
	default:
		return nil, api.NotFound("failure", uuid.Nil)
	}
}

// keep notes a name and tells that it did; then it fails when the payload says so.
func (s *service) keep(ctx context.Context, tx *database.Tx, e event.Event, payload struct {
	Name string `json:"name"`
	Fail bool   `json:"fail"`
}) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO kept (name) VALUES (?)`, payload.Name); err != nil {
		return err
	}
	if err := event.NewTopic[any]("account-kept", "account").Add(ctx, tx, s.Outbox, e.AggregateID, payload); err != nil {
		return err
	}
	if deadline, limited := ctx.Deadline(); !limited || time.Until(deadline) > 28*time.Second {
		return errors.New("the handler has more time than Pub/Sub gives it")
	}
	if payload.Fail {
		return errInside
	}
	return nil
}

func (s *service) sweep(ctx context.Context) error {
	_, err := s.DB.ExecContext(ctx, `INSERT INTO kept (name) VALUES ('swept')`)
	return err
}

func start(t *testing.T) *functiontest.Server {
	t.Helper()
	return functiontest.Start(t, MustManifest(t, list), "test", build, migrations, nil)
}
