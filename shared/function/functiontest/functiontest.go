// Package functiontest serves the functions of one service for a test: over HTTP, with a
// database of the test and valid tokens. Only Pub/Sub is replaced: the test reads published
// events from a Recorder and delivers events itself.
package functiontest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/batch"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/idempotency"
	"souk/shared/manifest"
	"souk/shared/telemetry"
)

// Server is a service under test.
type Server struct {
	URL    string
	DB     *database.DB
	Tokens *Tokens
	// Published records what the service has published.
	Published *Recorder

	// Statements can fail statements of a service with WithProxy.
	Statements dbtest.Hook

	contract     *Contract
	sameDatabase *Server
	pushAuth     auth.PushAuth
	iap          auth.IAPConfig
	now          clock.Clock
	tracer       *telemetry.Tracer
	metrics      *telemetry.Metrics
	connections  int
	maxWorking   *int
	proxied      bool
	rights       bool
	login        *database.Rights
	url          database.URL
}

// Option configures a Server.
type Option func(*Server)

// WithContract checks every response and every published event of the service against the
// contract.
func WithContract(c *Contract) Option { return func(s *Server) { s.contract = c } }

// WithClock sets the clock of the service. Tokens are signed by the machine's clock, for an
// hour.
func WithClock(now clock.Clock) Option { return func(s *Server) { s.now = now } }

// WithProxy makes Server.Statements able to fail the service's statements.
func WithProxy(s *Server) { s.proxied = true }

// WithSameDatabase serves another instance of a service under test, with the same database
// and tokens.
func WithSameDatabase(other *Server) Option { return func(s *Server) { s.sameDatabase = other } }

// BehindIAM configures the service to leave the signatures of push tokens to IAM.
func BehindIAM(s *Server) { s.pushAuth = auth.PushAuthIAM }

// BehindIAP makes the functions for staff require the assertion of Identity-Aware Proxy.
func BehindIAP(c auth.IAPConfig) Option { return func(s *Server) { s.iap = c } }

// WithTracer records the requests of the service that are sampled.
func WithTracer(tracer *telemetry.Tracer) Option { return func(s *Server) { s.tracer = tracer } }

// WithMetrics exports the metrics of the service.
func WithMetrics(metrics *telemetry.Metrics) Option {
	return func(s *Server) { s.metrics = metrics }
}

// WithConnections bounds the service's pool to n connections.
func WithConnections(n int) Option { return func(s *Server) { s.connections = n } }

// Overloaded makes the service refuse all requests, as if all that it can serve were waiting.
func Overloaded(s *Server) { s.maxWorking = new(int) }

// Start serves a service until the test ends. environment holds the settings that are specific
// to the service.
func Start(t testing.TB, m *manifest.Manifest, service string, build function.FunctionsFunc,
	migrations database.Migrations, environment config.Environment, options ...Option) *Server {
	t.Helper()
	s := &Server{now: clock.System, connections: dbtest.PoolSize}
	for _, option := range options {
		option(s)
	}
	db, tokens := s.open(t, migrations)
	published, pushAuth := &Recorder{}, tokens.PushAuth
	pushAuth.Auth = s.pushAuth
	newHandler := func(db *database.DB) http.Handler {
		handler, err := function.NewHandler(function.NewRuntime(function.Options{
			Manifest: m, Service: service, DB: db, Publisher: published, Now: s.now, Environment: environment, Batch: batchLimits(t),
			Tracer: s.tracer, Metrics: s.metrics, MaxWorking: s.maxWorking, TrustedHops: 1,
			UserAuth: tokens.UserAuth, PushAuth: pushAuth, IAP: s.iap, CheckoutTokens: tokens.Checkouts,
		}), build)
		if err != nil {
			t.Fatalf("serve %s: %v", service, err)
		}
		return handler
	}
	var handler http.Handler
	switch {
	case s.rights:
		handler = s.serveByLogin(t, m, service, newHandler)
	case s.login != nil:
		handler = newHandler(s.openAs(t, *s.login))
	default:
		handler = newHandler(db)
	}
	s.DB, s.Tokens, s.Published = db, tokens, published
	if _, isBenchmark := t.(*testing.B); s.contract != nil && !isBenchmark {
		// Parsing takes some time, for which the first request should not wait.
		if _, err := s.contract.read(); err != nil {
			t.Fatal(err)
		}
		handler = s.contract.check(t, handler)
		published.check = func(e event.Event) {
			if err := s.contract.CheckPublished(e); err != nil {
				t.Error(err)
			}
		}
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// batchLimits returns the limits of batches in BATCH_ITEMS, with which all tests can be run.
func batchLimits(t testing.TB) batch.Limits {
	t.Helper()
	limits, err := config.Load[batch.Limits](config.FromPairs(os.Environ()))
	if err != nil {
		t.Fatal(err)
	}
	return limits
}

// open returns the service's database and the tokens of its callers.
func (s *Server) open(t testing.TB, migrations database.Migrations) (*database.DB, *Tokens) {
	t.Helper()
	if s.sameDatabase != nil {
		s.url = s.sameDatabase.url
		return s.sameDatabase.DB, s.sameDatabase.Tokens
	}
	s.url = dbtest.Create(t, append(function.Migrations(), migrations)...)
	if s.proxied {
		s.url = dbtest.NewProxy(t, s.url, s.Statements.Decide).URL
	}
	return dbtest.Open(t, s.url, s.connections), NewTokens(t)
}

// Request is a request of a client.
type Request struct {
	Method string
	Path   string
	Token  string
	// Authorization are Authorization headers in place of Token, such as malformed ones.
	Authorization []string
	// Header holds additional headers. By default a POST has a new Idempotency-Key. An
	// empty value removes a header.
	Header map[string]string
	// Body is sent unchanged if it is a string, else as JSON; nil sends none.
	Body any
}

// Response is a complete response.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request and returns the response.
func (s *Server) Do(t testing.TB, request Request) Response {
	t.Helper()
	return Do(t, s.URL, request)
}

// Do sends a request to a server and returns the response.
func Do(t testing.TB, url string, request Request) Response {
	t.Helper()
	var body io.Reader
	switch b := request.Body.(type) {
	case nil:
	case string:
		body = bytes.NewBufferString(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatalf("marshal the body of %s %s: %v", request.Method, request.Path, err)
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), request.Method, url+request.Path, body)
	if err != nil {
		t.Fatalf("create %s %s: %v", request.Method, request.Path, err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if request.Token != "" {
		r.Header.Set("Authorization", "Bearer "+request.Token)
	}
	for _, value := range request.Authorization {
		r.Header.Add("Authorization", value)
	}
	if r.Method == http.MethodPost {
		r.Header.Set(idempotency.HeaderKey, uuid.NewString())
	}
	for name, value := range request.Header {
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", request.Method, request.Path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("read the response of %s %s: %v", request.Method, request.Path, err)
	}
	return Response{Status: response.StatusCode, Header: response.Header, Body: text}
}

// Into decodes the body into value, or fails the test.
func (r Response) Into(t testing.TB, value any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(r.Body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		t.Fatalf("decode the response %s: %v", r.Body, err)
	}
}

// MustBe fails the test unless the response has a status.
func (r Response) MustBe(t testing.TB, status int) Response {
	t.Helper()
	if r.Status != status {
		t.Fatalf("status is %d, want %d: %s", r.Status, status, r.Body)
	}
	return r
}

// MustBeProblem fails the test unless the response is a problem with a status and a code.
func (r Response) MustBeProblem(t testing.TB, status int, code string) {
	t.Helper()
	r.MustBe(t, status)
	var problem struct {
		Status  int
		Code    string
		TraceID string
	}
	if err := json.Unmarshal(r.Body, &problem); err != nil {
		t.Fatalf("decode the problem %s: %v", r.Body, err)
	}
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type is %q, want application/problem+json", got)
	}
	if problem.Status != status || problem.Code != code {
		t.Fatalf("the problem is %d %s, want %d %s: %s", problem.Status, problem.Code, status, code, r.Body)
	}
	if len(problem.TraceID) != 32 {
		t.Errorf("traceId is %q, want 32 hexadecimal digits", problem.TraceID)
	}
}

// Token returns a valid access token of the principal.
func (s *Server) Token(t testing.TB, p auth.Principal) string {
	t.Helper()
	return s.Tokens.User(t, p)
}
