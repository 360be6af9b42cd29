package user

import (
	"bytes"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"sync"
	"testing"

	"souk/functions"
	"souk/shared/config"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

// contract is what every answer and event of these tests is held to.
var contract = functiontest.NewContract(functions.OpenAPI, functions.Events)

const goodPassword = "seven green bicycles"

// logs is everything that the tests of this package log, so that one of them can
// look for what must not be there.
var logs lockedBuffer

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	os.Exit(dbtest.PlansOf(m, nil, append(function.Migrations(), Migrations)...).Run())
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

// server is the user service under test.
type server struct{ *functiontest.Server }

func open(t *testing.T) server {
	t.Helper()
	return openWith(t, nil)
}

// openIn serves the user service of the shop at an address.
func openIn(t *testing.T, shop string) server {
	t.Helper()
	return openWith(t, config.Environment{"SHOP_URL": shop})
}

// openWith has settings besides those that the service cannot do without.
func openWith(t *testing.T, settings config.Environment) server {
	t.Helper()
	signing := functiontest.NewTokens(t).Signing
	environment := config.Environment{
		"AUTH_ISSUER": signing.Issuer, "AUTH_AUDIENCE": signing.Audience, "AUTH_SIGNING_KEYS": signing.Keys.Reveal(),
		// Nothing listens there: a test that exports has a shop of its own.
		"SHOP_URL": "http://127.0.0.1:1",
		// Under the race detector, beside other tests, a password takes its time.
		"USER_PASSWORD_WAIT": "10m",
	}
	maps.Copy(environment, settings)
	return server{functiontest.Start(t, functions.Manifest(), "user", Functions, Migrations, environment, functiontest.WithContract(contract))}
}

type object = map[string]any

func registration(email string) object {
	return object{"email": email, "password": goodPassword, "name": "Ada Lovelace"}
}

func (s server) post(t *testing.T, path string, body any) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: path, Body: body})
}

func (s server) getMe(t *testing.T, token string) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users/me", Token: token})
}

// mustRegister opens an account with goodPassword.
func (s server) mustRegister(t *testing.T, email string) User {
	t.Helper()
	var u User
	s.post(t, "/v1/users", registration(email)).MustBe(t, http.StatusCreated).Into(t, &u)
	return u
}

// mustSignIn opens a session with goodPassword.
func (s server) mustSignIn(t *testing.T, email string) tokens {
	t.Helper()
	var issued tokens
	s.post(t, "/v1/sessions", object{"email": email, "password": goodPassword}).MustBe(t, http.StatusCreated).Into(t, &issued)
	return issued
}

// mustCount returns the number that a SELECT COUNT(*) finds.
func (s server) mustCount(t *testing.T, query string, args ...any) int {
	t.Helper()
	var n int
	if err := s.DB.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (s server) mustSelectCredentials(t *testing.T, key string) credentials {
	t.Helper()
	c, err := selectCredentials(t.Context(), s.DB, key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
