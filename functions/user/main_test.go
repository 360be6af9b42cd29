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

// contract is what every answer and event of these tests is held to.
var contract = functiontest.NewContract(functions.OpenAPI, functions.Events)

// tokenKey derives the tokens of mails.
const tokenKey = "a key of thirty-two bytes or more, for tests"

const goodPassword = "seven green bicycles"

// logs is everything that the tests of this package log, so that one of them can
// look for what must not be there.
var logs lockedBuffer

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	passwordhashtest.UseLowestCost()
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
type server struct {
	*functiontest.Server
	// Mail is what the service has mailed.
	Mail *mailtest.Server
}

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
func openWith(t *testing.T, settings config.Environment, options ...functiontest.Option) server {
	t.Helper()
	tokens := functiontest.NewTokens(t)
	signing := tokens.Signing
	post := mailtest.Start(t)
	environment := config.Environment{
		"AUTH_ISSUER": signing.Issuer, "AUTH_AUDIENCE": signing.Audience, "AUTH_SIGNING_KEYS": signing.Keys.Reveal(),
		"AUTH_PUBLIC_KEYS": tokens.Published.Keys, "MAIL_TOKEN_KEY": tokenKey,
		// Nothing listens there: a test that exports has a shop of its own.
		"SHOP_URL": "http://127.0.0.1:1",
		"SMTP_URL": post.URL, "MAIL_FROM": mailtest.From,
		// Under the race detector, beside other tests, a password takes its time.
		"USER_PASSWORD_WAIT": "10m",
	}
	maps.Copy(environment, settings)
	options = append(options, functiontest.WithContract(contract))
	return server{functiontest.Start(t, functions.Manifest(), "user", Functions, Migrations, environment, options...), post}
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

// mustRegister opens an account with goodPassword: asks for it, reads the mail and
// confirms.
func (s server) mustRegister(t *testing.T, email string) User {
	t.Helper()
	return s.mustRegisterAs(t, registration(email))
}

func (s server) mustRegisterAs(t *testing.T, body object) User {
	t.Helper()
	var u User
	s.confirmWith(t, s.mustToken(t, s.mustAsk(t, body)), body["password"].(string)).MustBe(t, http.StatusOK).Into(t, &u)
	return u
}

// mustAsk asks for an account.
func (s server) mustAsk(t *testing.T, body object) Registration {
	t.Helper()
	var r Registration
	s.post(t, "/v1/users", body).MustBe(t, http.StatusCreated).Into(t, &r)
	return r
}

// mustToken has a registration mailed, and returns the token of the mail.
func (s server) mustToken(t *testing.T, r Registration) string {
	t.Helper()
	before := len(s.Mail.To(r.Email))
	s.Deliver(t, "registration-mail", s.mustEvent(t, "registration-requested", r.ID)).MustBe(t, http.StatusNoContent)
	letters := s.Mail.To(r.Email)
	if len(letters) != before+1 {
		t.Fatalf("%d mails, want %d", len(letters), before+1)
	}
	return tokenIn(t, letters[before].Text)
}

func (s server) confirm(t *testing.T, token string) functiontest.Response {
	t.Helper()
	return s.confirmWith(t, token, goodPassword)
}

func (s server) confirmWith(t *testing.T, token, password string) functiontest.Response {
	t.Helper()
	return s.post(t, "/v1/email-verifications/confirm", object{"token": token, "password": password})
}

// mustEvent returns the event that tells of something.
func (s server) mustEvent(t *testing.T, eventType string, of uuid.UUID) event.Event {
	t.Helper()
	for _, e := range s.Topics.Of(eventType) {
		if e.AggregateID == of {
			return e
		}
	}
	t.Fatalf("no %s of %s was published", eventType, of)
	return event.Event{}
}

var tokenForm = regexp.MustCompile(`[A-Za-z0-9_-]{43}`)

// tokenIn returns the token in the text of a mail.
func tokenIn(t *testing.T, text string) string {
	t.Helper()
	token := tokenForm.FindString(text)
	if token == "" {
		t.Fatalf("no token is in\n%s", text)
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
