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
	"souk/shared/manifest/manifestfile"
	"souk/shared/telemetry"
)

// logged records the log of all tests of the package, which share the process's logger.
var logged = logRecorder{grown: make(chan struct{})}

func TestMain(m *testing.M) {
	slog.SetDefault(telemetry.LogConfig{Project: "souk-test", Level: slog.LevelDebug}.NewLogger(&logged))
	goleak.VerifyTestMain(m,
		// Started by an import of the Cloud SQL connector's metrics.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The default client has idle connections to the servers of the tests.
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

type logRecorder struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{} // closed, and replaced, with each line
}

func (l *logRecorder) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.grown)
	l.grown = make(chan struct{})
	return l.text.Write(b)
}

// lines returns the lines of a trace.
func (l *logRecorder) lines(trace string) []string {
	lines, _ := l.watch(trace)
	return lines
}

// watch returns the lines of a trace, and a channel that is closed when there may
// be more.
func (l *logRecorder) watch(trace string) (lines []string, grown <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, trace) {
			lines = append(lines, line)
		}
	}
	return lines, l.grown
}

// mustLogLine returns the one line of a trace with that message, once it is written:
// the request log comes after the response.
func mustLogLine(t *testing.T, trace, message string) map[string]any {
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

// newTrace returns the id of a new trace and a header with it.
func newTrace() (id string, header map[string]string) {
	id = strings.ReplaceAll(uuid.NewString(), "-", "")
	return id, map[string]string{"Traceparent": "00-" + id + "-00f067aa0ba902b7-01"}
}

const list = `
delivery: {ackDeadline: 30s, minBackoff: 1s, maxBackoff: 600s, maxDeliveryAttempts: 20}
scaling: {function: {http: &s {concurrency: 40, memory: 256Mi, cpu: "1", minInstances: 0, maxInstances: 3, pool: 2}, push: *s}, service: {http: *s, push: *s}}
functions:
  - {name: account-create, service: test, http: POST /v1/accounts, access: anyone, publishes: [account-created]}
  - {name: account-get, service: test, http: "GET /v1/accounts/{id}", access: anyone}
  - {name: failure-create, service: test, http: "POST /v1/failures/{kind}", access: anyone}
  - {name: secret-get, service: test, http: GET /v1/secret, access: user}
  - {name: account-end, service: test, http: "DELETE /v1/accounts/{id}", access: anyone}
  - {name: login-end, service: test, http: "DELETE /v1/logins/{id}", access: anyone}
  - {name: account-copy, service: test, events: [account-created], publishes: [account-copied]}
  - {name: account-sweep, service: test, schedule: "* * * * *"}
`

func mustManifest(t testing.TB, text string) *manifest.Manifest {
	t.Helper()
	m, err := manifestfile.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// migrations create the table that account-copy inserts into.
var migrations = database.Migrations{Name: "copied", FS: fstest.MapFS{"00001_copied.sql": {
	Data: []byte("-- +goose Up\nCREATE TABLE copied (name VARCHAR(64) NOT NULL);\n-- +goose Down\nDROP TABLE copied;\n"),
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

// errInside is an error whose text no client may receive.
var errInside = errors.New("SELECT hunter2 FROM accounts: table is gone")

// build returns the service's functions.
func build(runtime *function.Runtime) ([]function.Function, error) {
	s := &service{runtime}
	return []function.Function{
		function.HTTP("account-create", s.createAccount, function.Created),
		function.HTTP("account-get", s.getAccount, function.DocumentNotFound("account")),
		function.HTTP("failure-create", s.fail, function.DocumentNotFound("failure")),
		function.HTTP("secret-get", s.getSecret),
		function.HTTP("account-end", s.end, function.DocumentNotFound("account")),
		function.HTTP("login-end", s.end, function.DocumentNotFound("login"), function.Unconditional),
		function.Event("account-copy", s.copyAccount),
		function.Schedule("account-sweep", s.sweep),
	}, nil
}

type service struct{ *function.Runtime }

func (s *service) createAccount(_ context.Context, in *accountInput) (*named, error) {
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
	return nil, nil //nolint:nilnil // huma responds with 204
}

func (s *service) getSecret(ctx context.Context, _ *struct{}) (*named, error) {
	out := &named{}
	out.Body.Name = telemetry.Traceparent(ctx)
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
		return nil, fmt.Errorf("create a failure: %w", errInside)
	case "problem":
		return nil, problem
	case "wrapped":
		return nil, fmt.Errorf("%w: create a failure: %w", errInside, problem)
	case "ended":
		<-ctx.Done()
		return nil, fmt.Errorf("%w: %w", errInside, ctx.Err())
	default:
		return nil, api.NotFound("failure", uuid.Nil)
	}
}

// copyAccount inserts a name and publishes an event. It fails if the payload requests it.
func (s *service) copyAccount(ctx context.Context, tx *database.Tx, e event.Event, payload struct {
	Name string `json:"name"`
	Fail bool   `json:"fail"`
}) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO copied (name) VALUES (?)`, payload.Name); err != nil {
		return err
	}
	if err := event.NewTopic[any]("account-copied", "account").Add(ctx, tx, s.Outbox, e.AggregateID, payload); err != nil {
		return err
	}
	if deadline, limited := ctx.Deadline(); !limited || time.Until(deadline) > 28*time.Second {
		return errors.New("the handler's deadline is after Pub/Sub's")
	}
	if payload.Name == "in use" {
		return fmt.Errorf("copy an account: %w", event.Later(errInside))
	}
	if payload.Fail {
		return errInside
	}
	return nil
}

func (s *service) sweep(ctx context.Context) error {
	_, err := s.DB.ExecContext(ctx, `INSERT INTO copied (name) VALUES ('swept')`)
	return err
}

func start(t *testing.T) *functiontest.Server {
	t.Helper()
	return functiontest.Start(t, mustManifest(t, list), "test", build, migrations, nil)
}
