package user

import (
	"bytes"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/user/passwordhash/passwordhashtest"
	"souk/shared/config"
	"souk/shared/dbtest"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/mail/mailtest"
)

// contract checks every response and event of these tests.
var contract = functiontest.NewContract(functions.OpenAPI, functions.Events)

// tokenKey is the key from which the tokens in mails are derived.
const tokenKey = "a key of thirty-two bytes or more, for tests"

const goodPassword = "seven green bicycles"

// logs is the log of all tests of this package, in which tests search for secrets.
var logs lockedBuffer

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	passwordhashtest.UseLowestCost()
	os.Exit(dbtest.NewPlanChecker(m, nil, append(function.Migrations(), Migrations)...).Run())
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
type server struct {
	*functiontest.Server
	// Mail is the mail server of the service.
	Mail *mailtest.Server
}

func open(t *testing.T) server {
	t.Helper()
	return openWith(t, nil)
}

// openIn starts the user service with the URL of a shop.
func openIn(t *testing.T, shop string) server {
	t.Helper()
	return openWith(t, config.Environment{"SHOP_URL": shop})
}

// openWith starts the user service with additional settings.
func openWith(t *testing.T, settings config.Environment, options ...functiontest.Option) server {
	t.Helper()
	tokens := functiontest.NewTokens(t)
	signing := tokens.Signing
	mailServer := mailtest.Start(t)
	environment := config.Environment{
		"AUTH_ISSUER": signing.Issuer, "AUTH_AUDIENCE": signing.Audience, "AUTH_SIGNING_KEYS": signing.Keys.Reveal(),
		"AUTH_PUBLIC_KEYS": tokens.Published.Keys, "MAIL_TOKEN_KEY": tokenKey,
		// Nothing listens there. Tests of the export set another URL.
		"SHOP_URL": "http://127.0.0.1:1",
		"SMTP_URL": mailServer.URL, "MAIL_FROM": mailtest.From,
		// Hashing is slow under the race detector and with parallel tests.
		"USER_PASSWORD_WAIT": "10m",
	}
	maps.Copy(environment, settings)
	options = append(options, functiontest.WithContract(contract))
	return server{functiontest.Start(t, functions.Manifest(), "user", Functions, Migrations, environment, options...), mailServer}
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

// mustRegister creates an account with goodPassword: it registers, reads the mail and
// confirms the address.
func (s server) mustRegister(t *testing.T, email string) User {
	t.Helper()
	return s.mustRegisterAs(t, registration(email))
}

func (s server) mustRegisterAs(t *testing.T, body object) User {
	t.Helper()
	var u User
	s.confirmWith(t, s.mustToken(t, s.mustRequestAccount(t, body)), body["password"].(string)).MustBe(t, http.StatusOK).Into(t, &u)
	return u
}

// mustRequestAccount registers an account that is not confirmed.
func (s server) mustRequestAccount(t *testing.T, body object) Registration {
	t.Helper()
	var r Registration
	s.post(t, "/v1/users", body).MustBe(t, http.StatusCreated).Into(t, &r)
	return r
}

// mustToken sends the mail of a registration, and returns its token.
func (s server) mustToken(t *testing.T, r Registration) string {
	t.Helper()
	before := len(s.Mail.To(r.Email))
	s.Deliver(t, "registration-mail", s.mustEvent(t, "registration-requested", r.ID)).MustBe(t, http.StatusNoContent)
	mails := s.Mail.To(r.Email)
	if len(mails) != before+1 {
		t.Fatalf("%d mails, want %d", len(mails), before+1)
	}
	return tokenIn(t, mails[before].Text)
}

func (s server) confirm(t *testing.T, token string) functiontest.Response {
	t.Helper()
	return s.confirmWith(t, token, goodPassword)
}

func (s server) confirmWith(t *testing.T, token, password string) functiontest.Response {
	t.Helper()
	return s.post(t, "/v1/email-verifications/confirm", object{"token": token, "password": password})
}

// mustEvent returns the event of an aggregate.
func (s server) mustEvent(t *testing.T, eventType string, aggregateID uuid.UUID) event.Event {
	t.Helper()
	for _, e := range s.Topics.Of(eventType) {
		if e.AggregateID == aggregateID {
			return e
		}
	}
	t.Fatalf("no %s of %s was published", eventType, aggregateID)
	return event.Event{}
}

var tokenPattern = regexp.MustCompile(`[A-Za-z0-9_-]{43}`)

// tokenIn returns the token in the text of a mail.
func tokenIn(t *testing.T, text string) string {
	t.Helper()
	token := tokenPattern.FindString(text)
	if token == "" {
		t.Fatalf("no token in\n%s", text)
	}
	return token
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
