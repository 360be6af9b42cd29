package user

import (
	"bytes"
	"log/slog"
	"maps"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/functions"
	"souk/functions/user/passwordtest"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/mail/mailtest"
)

// contract checks every response and event of these tests.
var contract = functiontest.NewContract(functions.OpenAPI, functions.Events)

// tokenKey is the key from which the tokens in mails are derived.
const tokenKey = "a key of thirty-two bytes or more, for tests"

// factorKey encrypts the secrets of authenticator apps.
const factorKey = "a-key-of-thirty-two-bytes-or-more-for-tests"

// logs is the log of all tests of this package, in which tests search for secrets.
var logs lockedBuffer

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	passwordtest.UseLowestCost()
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
		"AUTH_PUBLIC_KEYS": tokens.Published.Keys, "MAIL_TOKEN_KEY": tokenKey, "SECOND_FACTOR_KEYS": factorKey,
		"USER_PASSKEY_DOMAIN": passkeyDomain, "USER_PASSKEY_ORIGINS": "https://" + passkeyDomain,
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

func (s server) mustExec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := s.DB.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// defaultSessions are the settings of a service without any.
var defaultSessions = sessionSettings{ReuseInterval: 30 * time.Second, MaxAge: 90 * 24 * time.Hour}

// movingClock is a clock that a test advances.
type movingClock struct{ offset atomic.Int64 }

func (c *movingClock) now() time.Time { return clock.System().Add(time.Duration(c.offset.Load())) }

func (c *movingClock) advance(by time.Duration) { c.offset.Add(int64(by)) }
