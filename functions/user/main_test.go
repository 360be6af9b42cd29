package user

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souk/functions"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
	"souk/shared/function"
)

const (
	testIssuer   = "https://shop.example"
	testAudience = "souk"
	goodPassword = "seven green bicycles"
)

// logs is everything that the tests of this package log, so that one can look
// for what must not be there.
var logs lockedBuffer

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	// The worker is started by the import of a library that our own libraries need.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) Contains(s string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Contains(b.text.Bytes(), []byte(s))
}

// testServer is the whole user service behind a real HTTP port, on a database of
// its own. It checks tokens with the keys that it publishes itself.
type testServer struct {
	URL    string
	DB     *database.DB
	Signer *auth.Signer
	client *http.Client
}

func mustServe(t *testing.T) *testServer {
	t.Helper()
	return mustServeAt(t, clock.System)
}

func mustServeAt(t *testing.T, now clock.Clock) *testServer {
	t.Helper()
	key, err := auth.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := auth.NewSigner(auth.SignerConfig{Issuer: testIssuer, Audience: testAudience, Keys: config.Secret(key)})
	if err != nil {
		t.Fatal(err)
	}
	db := dbtest.New(t, event.Migrations, Migrations)
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	runtime := function.NewRuntime(db, noPublisher{t}, now,
		config.Environment{"AUTH_ISSUER": testIssuer, "AUTH_AUDIENCE": testAudience, "AUTH_SIGNING_KEYS": key},
		auth.Config{Issuer: testIssuer, Audience: testAudience, KeysURL: url + "/.well-known/jwks.json"}, auth.PushConfig{})
	handler, err := function.NewHandler(runtime, functions.Manifest(), "user", Functions)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(server.Close)
	return &testServer{URL: url, DB: db, Signer: signer, client: server.Client()}
}

// noPublisher fails the test that publishes: this service has no events yet.
type noPublisher struct{ t *testing.T }

func (p noPublisher) Publish(_ context.Context, events []event.Event) []error {
	p.t.Errorf("published %v", events)
	return make([]error, len(events))
}

type answer struct {
	Status int
	Header http.Header
	Body   string
}

// problem is what a client reads of an error answer.
type problem struct {
	Code   string
	Errors []struct{ Location, Message string }
}

// Locations returns where the faults are, in order.
func (p problem) Locations() string {
	var all []string
	for _, e := range p.Errors {
		all = append(all, e.Location)
	}
	return strings.Join(all, " ")
}

// MustSend sends a request. The body is marshalled, unless it is a string.
func (s *testServer) MustSend(t *testing.T, method, path string, body any, headers ...string) answer {
	t.Helper()
	text, ok := body.(string)
	if !ok && body != nil {
		marshalled, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(marshalled)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, s.URL+path, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{Status: response.StatusCode, Header: response.Header, Body: string(read)}
}

// MustBe checks the status and decodes the body into dest, strictly: a member
// that dest does not have fails the test.
func (a answer) MustBe(t *testing.T, status int, dest any) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("got status %d, want %d: %s", a.Status, status, a.Body)
	}
	decoder := json.NewDecoder(strings.NewReader(a.Body))
	if _, isProblem := dest.(*problem); !isProblem {
		decoder.DisallowUnknownFields()
	}
	if err := decoder.Decode(dest); err != nil {
		t.Fatalf("decode %s: %v", a.Body, err)
	}
}

// MustBeProblem checks the status and code of an error answer.
func (a answer) MustBeProblem(t *testing.T, status int, code string) problem {
	t.Helper()
	var p problem
	a.MustBe(t, status, &p)
	if p.Code != code || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("got %s, code %q; want a problem with code %q: %s", a.Header.Get("Content-Type"), p.Code, code, a.Body)
	}
	return p
}

type object = map[string]any

func registration(email string) object {
	return object{"email": email, "password": goodPassword, "name": "Ada Lovelace"}
}

// MustRegister opens an account with goodPassword.
func (s *testServer) MustRegister(t *testing.T, email string) User {
	t.Helper()
	var u User
	s.MustSend(t, "POST", "/v1/users", registration(email)).MustBe(t, http.StatusCreated, &u)
	return u
}

// MustSignIn opens a session with goodPassword.
func (s *testServer) MustSignIn(t *testing.T, email string) tokens {
	t.Helper()
	var got tokens
	s.MustSend(t, "POST", "/v1/sessions", object{"email": email, "password": goodPassword}).MustBe(t, http.StatusCreated, &got)
	return got
}

// MustCount returns the number that a SELECT COUNT(*) finds.
func (s *testServer) MustCount(t *testing.T, query string, args ...any) int {
	t.Helper()
	var n int
	if err := s.DB.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
