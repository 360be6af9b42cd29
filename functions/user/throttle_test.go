package user

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/user/passwordhash"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

const (
	athome = "203.0.113.1"
	abroad = "198.51.100.7"
)

// fewTries are limits that a test reaches soon, and that do not refill in its time.
var fewTries = config.Environment{
	"USER_LOGIN_WINDOW": "24h", "USER_LOGIN_TRIES": "3",
	"USER_LOGIN_TRIES_PER_NETWORK": "8", "USER_LOGIN_TRIES_PER_ACCOUNT": "6",
}

// signInFrom tries a password from an address, as the load balancer tells it.
func (s server) signInFrom(t *testing.T, address, email, password string) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/sessions", Body: object{"email": email, "password": password},
		Header: map[string]string{"X-Forwarded-For": address + ",192.0.2.1"},
	})
}

// mustGuess tries wrong passwords that are all looked at.
func (s server) mustGuess(t *testing.T, address, email string, times int) {
	t.Helper()
	for range times {
		s.signInFrom(t, address, email, "wrong").MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
	}
}

func mustBeThrottled(t *testing.T, got functiontest.Response, limit string) {
	t.Helper()
	got.MustBeProblem(t, http.StatusTooManyRequests, "too_many_requests")
	if wait, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 24*60*60 {
		t.Errorf("Retry-After: %q", got.Header.Get("Retry-After"))
	}
	for _, name := range []string{"RateLimit", "RateLimit-Policy"} {
		if !strings.HasPrefix(got.Header.Get(name), `"`+limit+`";`) {
			t.Errorf("%s: %s, want that of %s", name, got.Header.Get(name), limit)
		}
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	s := openWith(t, fewTries)
	register := func(t *testing.T) string {
		t.Helper()
		return s.mustRegister(t, uuid.NewString()+"@example.com").Email
	}
	var used atomic.Int64
	network := func() string { return fmt.Sprintf("10.0.%d.1", used.Add(1)) }

	t.Run("refuses after a few tries of one account from one network, right or wrong", func(t *testing.T) {
		t.Parallel()
		email, here := register(t), network()
		s.mustGuess(t, here, email, 3)
		mustBeThrottled(t, s.signInFrom(t, here, email, "wrong"), "login")
		mustBeThrottled(t, s.signInFrom(t, here, strings.ToUpper(email), goodPassword), "login")
		s.signInFrom(t, network(), email, goodPassword).MustBe(t, http.StatusCreated)
	})
	t.Run("does so for an account that is not there", func(t *testing.T) {
		t.Parallel()
		here := network()
		s.mustGuess(t, here, "nobody@example.com", 3)
		mustBeThrottled(t, s.signInFrom(t, here, "nobody@example.com", goodPassword), "login")
		mustBeThrottled(t, s.signInFrom(t, here, "Nobody@example.com ", goodPassword), "login")
	})
	t.Run("forgets wrong tries for a right one", func(t *testing.T) {
		t.Parallel()
		email, here := register(t), network()
		for range 3 {
			s.mustGuess(t, here, email, 2)
			s.signInFrom(t, here, email, goodPassword).MustBe(t, http.StatusCreated)
		}
	})
	t.Run("refuses after more tries from one network, whatever the accounts", func(t *testing.T) {
		t.Parallel()
		here, known := network(), register(t)
		for i := range 8 {
			s.mustGuess(t, here, fmt.Sprintf("%d-%s", i, known), 1)
		}
		mustBeThrottled(t, s.signInFrom(t, here, known, goodPassword), "login-network")
		s.signInFrom(t, network(), known, goodPassword).MustBe(t, http.StatusCreated)
	})
	t.Run("gives a network no tries for a right password of the guesser's own", func(t *testing.T) {
		t.Parallel()
		here, own := network(), register(t)
		for i := range 8 {
			s.mustGuess(t, here, fmt.Sprintf("%d-%s", i, own), 1)
			if i < 7 {
				s.signInFrom(t, here, own, goodPassword).MustBe(t, http.StatusCreated)
			}
		}
		mustBeThrottled(t, s.signInFrom(t, here, "another-"+own, "wrong"), "login-network")
	})
	t.Run("takes an IPv6 client for its network", func(t *testing.T) {
		t.Parallel()
		email := register(t)
		for i := range 3 {
			s.mustGuess(t, fmt.Sprintf("2001:db8:1:2::%d", i), email, 1)
		}
		mustBeThrottled(t, s.signInFrom(t, "2001:db8:1:2:ffff::9", email, goodPassword), "login")
		s.signInFrom(t, "2001:db8:1:3::1", email, goodPassword).MustBe(t, http.StatusCreated)
	})
	t.Run("is not fooled by what the client writes into X-Forwarded-For", func(t *testing.T) {
		t.Parallel()
		email, here := register(t), network()
		for i := range 3 {
			s.mustGuess(t, fmt.Sprintf("192.0.2.%d, 192.0.2.9,%s", i, here), email, 1)
		}
		mustBeThrottled(t, s.signInFrom(t, "192.0.2.200,"+here, email, goodPassword), "login")
	})
}

// A crowd that guesses at one account from everywhere is slowed down, but not at
// the cost of its owner, nor of those who share a network with a guesser.
func TestThrottleShutsNobodyOut(t *testing.T) {
	t.Parallel()
	s := openWith(t, fewTries)
	s.mustRegister(t, "ada@example.com")
	s.signInFrom(t, athome, "ada@example.com", goodPassword).MustBe(t, http.StatusCreated)
	s.signInFrom(t, "203.0.113.2", "ada@example.com", goodPassword).MustBe(t, http.StatusCreated)
	for i := range 6 {
		s.mustGuess(t, fmt.Sprintf("198.51.100.%d", i), "ada@example.com", 1)
	}
	mustBeThrottled(t, s.signInFrom(t, abroad, "ada@example.com", goodPassword), "login-account")
	s.signInFrom(t, athome, "ada@example.com", goodPassword).MustBe(t, http.StatusCreated)

	for i := range 8 { // a neighbour behind the same address
		s.mustGuess(t, athome, fmt.Sprintf("victim-%d@example.com", i), 1)
	}
	mustBeThrottled(t, s.signInFrom(t, athome, "victim@example.com", "wrong"), "login-network")
	s.signInFrom(t, athome, "ada@example.com", goodPassword).MustBe(t, http.StatusCreated)
	for range 3 { // a wrong password there is refused like a stranger's
		mustBeThrottled(t, s.signInFrom(t, athome, "ada@example.com", "wrong"), "login-network")
	}
	mustBeThrottled(t, s.signInFrom(t, athome, "ada@example.com", goodPassword), "login")

	var issued tokens
	s.signInFrom(t, "203.0.113.2", "ada@example.com", goodPassword).MustBe(t, http.StatusCreated).Into(t, &issued)
	s.changePasswordFrom(t, "203.0.113.2", issued.AccessToken, goodPassword).MustBe(t, http.StatusNoContent)
	s.signInFrom(t, "203.0.113.2", "ada@example.com", newPassword).MustBe(t, http.StatusCreated)
	if n := s.mustCount(t, `SELECT COUNT(*) FROM login_network n JOIN user u ON u.id = n.user_id AND u.password_version = n.password_version`); n != 1 {
		t.Errorf("%d networks are known to the new password, want the one it was set from", n)
	}
}

func (s server) changePasswordFrom(t *testing.T, address, token, current string) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{
		Method: http.MethodPut, Path: "/v1/users/me/password", Token: token,
		Body:   object{"currentPassword": current, "newPassword": newPassword},
		Header: map[string]string{"X-Forwarded-For": address + ",192.0.2.1"},
	})
}

// Whoever gets the account's mail gets in, however many guess at it.
func TestThrottleLetsInByMail(t *testing.T) {
	t.Parallel()
	s := openWith(t, fewTries)
	ada := s.mustRegister(t, "ada@example.com")
	s.mustGuess(t, abroad, ada.Email, 3)
	s.mustGuess(t, athome, ada.Email, 3)
	mustBeThrottled(t, s.signInFrom(t, abroad, ada.Email, goodPassword), "login")
	mustBeThrottled(t, s.signInFrom(t, "198.51.100.8", ada.Email, goodPassword), "login-account")
	s.mustAskReset(t, ada.Email)
	s.Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/password-resets/confirm",
		Body:   object{"token": s.lastToken(t, ada.Email), "newPassword": newPassword},
		Header: map[string]string{"X-Forwarded-For": abroad + ",192.0.2.1"},
	}).MustBe(t, http.StatusNoContent)
	s.signInFrom(t, abroad, ada.Email, newPassword).MustBe(t, http.StatusCreated)
	mustBeThrottled(t, s.signInFrom(t, athome, ada.Email, newPassword), "login")
}

func TestThrottleGuardsChangePassword(t *testing.T) {
	t.Parallel()
	s := openWith(t, fewTries)
	ada := s.mustRegister(t, "ada@example.com")
	stolen := s.Token(t, auth.Principal{UserID: ada.ID, Role: auth.Customer})
	for range 2 {
		s.changePasswordFrom(t, abroad, stolen, "wrong").MustBeProblem(t, http.StatusForbidden, "wrong_password")
	}
	s.mustGuess(t, abroad, ada.Email, 1) // from the same budget
	mustBeThrottled(t, s.changePasswordFrom(t, abroad, stolen, goodPassword), "login")
	s.changePasswordFrom(t, athome, stolen, goodPassword).MustBe(t, http.StatusNoContent)
}

// However many guess at once, no more get through than one after another.
func TestThrottleRace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings config.Environment
		address  func(i int) string
		email    func(i int) string
		passed   int64
	}{
		"of one account from one network": {
			config.Environment{"USER_LOGIN_TRIES": "5"},
			func(int) string { return athome }, func(int) string { return "ada@example.com" }, 5,
		},
		"of many accounts from one network": {
			config.Environment{"USER_LOGIN_TRIES_PER_NETWORK": "7"},
			func(int) string { return athome }, func(i int) string { return fmt.Sprintf("%d@example.com", i) }, 7,
		},
		"of one account from many networks": {
			config.Environment{"USER_LOGIN_TRIES_PER_ACCOUNT": "6"},
			func(i int) string { return fmt.Sprintf("10.1.1.%d", i) }, func(int) string { return "ada@example.com" }, 6,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.settings["USER_LOGIN_WINDOW"], test.settings["USER_PASSWORD_QUEUE"] = "24h", "200"
			s := openWith(t, test.settings)
			s.mustRegister(t, "ada@example.com")
			var looked, throttled atomic.Int64
			var wg sync.WaitGroup
			for i := range 100 {
				wg.Go(func() {
					switch got := s.signInFrom(t, test.address(i), test.email(i), "wrong"); got.Status {
					case http.StatusUnauthorized:
						looked.Add(1)
					case http.StatusTooManyRequests:
						throttled.Add(1)
					default:
						t.Errorf("got status %d: %s", got.Status, got.Body)
					}
				})
			}
			wg.Wait()
			if looked.Load() != test.passed || throttled.Load() != 100-test.passed {
				t.Errorf("%d guesses were looked at and %d refused, want %d and %d", looked.Load(), throttled.Load(), test.passed, 100-test.passed)
			}
		})
	}
}

func TestLimitRefills(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	b := bucket{hashParts("test"), api.RateLimit{Name: "login", Quota: 3, Window: 3 * time.Minute}}
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	take := func(at time.Duration) (wait time.Duration, taken bool) {
		t.Helper()
		now := begin.Add(at)
		err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			fullAt, ok, err := spendAttempt(ctx, tx, b, now)
			wait, taken = fullAt.Sub(b.latest(now)), ok
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return wait, taken
	}
	for _, step := range []struct {
		at    time.Duration
		taken bool
		wait  time.Duration
	}{
		{0, true, 0},
		{0, true, 0},
		{0, true, 0},
		{0, false, time.Minute},
		{59 * time.Second, false, time.Second},
		{time.Minute, true, 0},
		{time.Minute, false, time.Minute},
		{time.Hour, true, 0}, // long full, and no fuller than full
		{time.Hour, true, 0},
		{time.Hour, true, 0},
		{time.Hour, false, time.Minute},
	} {
		wait, taken := take(step.at)
		if taken != step.taken || !taken && wait != step.wait {
			t.Fatalf("at %s: taken %t, wait %s; want %t, %s", step.at, taken, wait, step.taken, step.wait)
		}
	}
	if err := refundAttempts(t.Context(), db, []bucket{b}); err != nil {
		t.Fatal(err)
	}
	if _, taken := take(time.Hour); !taken {
		t.Error("a try that was given back is not there")
	}
}

// The tables hold no address of a person or a machine, and do not grow for ever.
func TestThrottleKeepsLittle(t *testing.T) {
	t.Parallel()
	s := openWith(t, config.Environment{"USER_LOGIN_WINDOW": "1s"})
	ada := s.mustRegister(t, "ada@example.com")
	for i := range maxNetworks + 3 {
		s.signInFrom(t, fmt.Sprintf("10.2.2.%d", i), ada.Email, goodPassword).MustBe(t, http.StatusCreated)
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM login_network WHERE user_id = ?`, ada.ID[:]); n != maxNetworks {
		t.Errorf("%d networks are remembered, want %d", n, maxNetworks)
	}
	var columns string
	err := s.DB.QueryRowContext(t.Context(), `
		SELECT GROUP_CONCAT(CONCAT(table_name, '.', column_name, ' ', column_type) ORDER BY table_name, ordinal_position)
		FROM information_schema.columns
		WHERE table_schema = DATABASE() AND table_name LIKE 'login%'`).Scan(&columns)
	want := "login_limit.bucket binary(32),login_limit.full_at datetime(6),login_network.user_id binary(16)," +
		"login_network.network binary(32),login_network.password_version bigint,login_network.seen_at datetime(6)"
	if got := strings.ReplaceAll(columns, "bigint(20)", "bigint"); err != nil || got != want {
		t.Errorf("got columns %s, %v", got, err)
	}
	if _, err := s.DB.ExecContext(t.Context(), `UPDATE login_network SET seen_at = seen_at - INTERVAL 91 DAY LIMIT 5`); err != nil {
		t.Fatal(err)
	}
	s.mustGuess(t, athome, "nobody@example.com", 1)
	if _, err := s.DB.ExecContext(t.Context(), `UPDATE login_limit SET full_at = full_at - INTERVAL 1 DAY`); err != nil {
		t.Fatal(err)
	}
	s.Deliver(t, "user-outbox", functiontest.NewEvent(t, "user-outbox", object{})).MustBe(t, http.StatusNoContent)
	if limits, networks := s.mustCount(t, `SELECT COUNT(*) FROM login_limit`), s.mustCount(t, `SELECT COUNT(*) FROM login_network`); limits != 0 || networks != maxNetworks-5 {
		t.Errorf("after a sweep there are %d limits and %d networks, want 0 and %d", limits, networks, maxNetworks-5)
	}
	if _, err := s.DB.ExecContext(t.Context(), `DELETE FROM user WHERE id = ?`, ada.ID[:]); err != nil {
		t.Fatal(err)
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM login_network`); n != 0 {
		t.Errorf("%d networks outlive their user", n)
	}
}

func TestQueueForPasswords(t *testing.T) {
	t.Parallel()
	h := newBoundedHasher(1, 10*time.Millisecond)
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	t.Run("turns away who has waited long enough", func(t *testing.T) {
		_, _, err := h.Check(t.Context(), goodPassword, passwordhash.Placeholder())
		mustBeBusy(t, err)
	})
	t.Run("turns away at once whom it has no place for", func(t *testing.T) {
		for range cap(h.places) {
			turn, err := h.Turn()
			if err != nil {
				t.Fatal(err)
			}
			defer turn.End()
		}
		_, err := h.Hash(t.Context(), goodPassword)
		mustBeBusy(t, err)
	})
	t.Run("costs no try", func(t *testing.T) {
		db := dbtest.New(t, Migrations)
		s := &service{Runtime: &function.Runtime{DB: db, Now: func() time.Time { return time.Now().UTC() }}, passwords: newBoundedHasher(1, time.Millisecond)}
		s.login = loginSettings{Window: time.Hour, Tries: 1, PerNetwork: 1, PerAccount: 1}
		for range cap(s.passwords.slots) {
			s.passwords.slots <- struct{}{}
		}
		for range 3 {
			_, err := s.checkPassword(t.Context(), "ada@example.com", goodPassword)
			mustBeBusy(t, err)
		}
	})
}

func mustBeBusy(t *testing.T, err error) {
	t.Helper()
	p, ok := errors.AsType[*api.Problem](err)
	if !ok || p.Status != http.StatusTooManyRequests || p.GetHeaders().Get("Retry-After") == "" ||
		!strings.HasPrefix(p.GetHeaders().Get("RateLimit"), `"passwords"`) {
		t.Fatalf("got %v", err)
	}
}

func TestLoginSettings(t *testing.T) {
	t.Parallel()
	bad := config.Environment{
		"USER_LOGIN_WINDOW": "1ms", "USER_LOGIN_TRIES": "0", "USER_LOGIN_TRIES_PER_NETWORK": "-1",
		"USER_LOGIN_TRIES_PER_ACCOUNT": "0", "USER_PASSWORD_QUEUE": "0", "USER_PASSWORD_WAIT": "0s",
	}
	_, err := Functions(&function.Runtime{Environment: bad})
	for name := range bad {
		if err == nil || !strings.Contains(err.Error(), name+" is ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
