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

	"souk/functions/fixtures"
	"souk/functions/user/internal/password"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

const (
	ownerAddress = "203.0.113.1"
	otherAddress = "198.51.100.7"
)

// lowLimits are limits that a test reaches soon, and that are not restored during the test.
var lowLimits = config.Environment{
	"USER_LOGIN_WINDOW": "24h", "USER_LOGIN_TRIES": "3",
	"USER_LOGIN_TRIES_PER_NETWORK": "8", "USER_LOGIN_TRIES_PER_ACCOUNT": "6",
}

// signInFrom signs in from an address, with the header that the load balancer sets.
func (s server) signInFrom(t *testing.T, address, email, password string) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/sessions", Body: fixtures.Login(email, password),
		Header: map[string]string{"X-Forwarded-For": address + ",192.0.2.1"},
	})
}

// mustSendWrongPasswords sends wrong passwords, all of which must be checked.
func (s server) mustSendWrongPasswords(t *testing.T, address, email string, times int) {
	t.Helper()
	for range times {
		s.signInFrom(t, address, email, "wrong").MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
	}
}

func requireThrottled(t *testing.T, got functiontest.Response, limit string) {
	t.Helper()
	got.MustBeProblem(t, http.StatusTooManyRequests, "too_many_requests")
	if wait, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 24*60*60 {
		t.Errorf("Retry-After: %q", got.Header.Get("Retry-After"))
	}
	for _, name := range []string{"RateLimit", "RateLimit-Policy"} {
		if !strings.HasPrefix(got.Header.Get(name), `"`+limit+`";`) {
			t.Errorf("%s: %s, want the limit %s", name, got.Header.Get(name), limit)
		}
	}
}

// TestThrottleWithoutPassword sends requests that cost the shop a mail or a row, from one network: they are
// refused after a number of them, and not those from another network.
func TestThrottleWithoutPassword(t *testing.T) {
	t.Parallel()
	s := openWith(t, lowLimits)
	from := func(t *testing.T, address, path string, body object) functiontest.Response {
		t.Helper()
		return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: path, Body: body, Header: map[string]string{"X-Forwarded-For": address + ",192.0.2.1"}})
	}
	for path, c := range map[string]struct {
		body    func() object
		limit   string
		allowed int
		status  int
	}{
		"/v1/users":               {func() object { return fixtures.Registration(uuid.NewString() + "@example.com") }, "mail-network", 8, http.StatusCreated},
		"/v1/password-resets":     {func() object { return object{"email": uuid.NewString() + "@example.com"} }, "mail-network", 8, http.StatusAccepted},
		"/v1/passkeys/challenges": {func() object { return object{"purpose": purposeSignIn} }, "passkey-network", 8 * passkeysPerLogin, http.StatusCreated},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			own, other := fmt.Sprintf("203.0.113.%d", len(path)), fmt.Sprintf("198.51.100.%d", len(path))
			for range c.allowed {
				from(t, own, path, c.body()).MustBe(t, c.status)
			}
			requireThrottled(t, from(t, own, path, c.body()), c.limit)
			from(t, other, path, c.body()).MustBe(t, c.status)
			from(t, "10.0.0.1", path, c.body()).MustBe(t, c.status)
		})
	}

	t.Run("changes of the e-mail address of one account", func(t *testing.T) {
		t.Parallel()
		token := s.mustSignIn(t, s.mustRegister(t, "ada@example.com").Email).AccessToken
		for i := range 3 {
			s.changeEmail(t, token, fmt.Sprintf("king%d@example.com", i)).MustBe(t, http.StatusAccepted)
		}
		requireThrottled(t, s.changeEmail(t, token, "king@example.com"), "email-change")
		other := s.mustSignIn(t, s.mustRegister(t, "eve@example.com").Email).AccessToken
		s.changeEmail(t, other, "queen@example.com").MustBe(t, http.StatusAccepted)
	})
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	s := openWith(t, lowLimits)
	register := func(t *testing.T) string {
		t.Helper()
		return s.mustRegister(t, uuid.NewString()+"@example.com").Email
	}
	var used atomic.Int64
	network := func() string { return fmt.Sprintf("10.0.%d.1", used.Add(1)) }

	t.Run("one account from one network has few attempts, with any password", func(t *testing.T) {
		t.Parallel()
		email, here := register(t), network()
		s.mustSendWrongPasswords(t, here, email, 3)
		requireThrottled(t, s.signInFrom(t, here, email, "wrong"), "login")
		requireThrottled(t, s.signInFrom(t, here, strings.ToUpper(email), fixtures.Password), "login")
		s.signInFrom(t, network(), email, fixtures.Password).MustBe(t, http.StatusCreated)
	})
	t.Run("a missing account has the same limit", func(t *testing.T) {
		t.Parallel()
		here := network()
		s.mustSendWrongPasswords(t, here, "missing@example.com", 3)
		requireThrottled(t, s.signInFrom(t, here, "missing@example.com", fixtures.Password), "login")
		requireThrottled(t, s.signInFrom(t, here, "Missing@example.com ", fixtures.Password), "login")
	})
	t.Run("a correct password resets the limit", func(t *testing.T) {
		t.Parallel()
		email, here := register(t), network()
		for range 3 {
			s.mustSendWrongPasswords(t, here, email, 2)
			s.signInFrom(t, here, email, fixtures.Password).MustBe(t, http.StatusCreated)
		}
	})
	t.Run("all accounts from one network have more attempts", func(t *testing.T) {
		t.Parallel()
		here, known := network(), register(t)
		for i := range 8 {
			s.mustSendWrongPasswords(t, here, fmt.Sprintf("%d-%s", i, known), 1)
		}
		requireThrottled(t, s.signInFrom(t, here, known, fixtures.Password), "login-network")
		s.signInFrom(t, network(), known, fixtures.Password).MustBe(t, http.StatusCreated)
	})
	t.Run("the correct password of an attacker's account does not reset the network's limit", func(t *testing.T) {
		t.Parallel()
		here, own := network(), register(t)
		for i := range 8 {
			s.mustSendWrongPasswords(t, here, fmt.Sprintf("%d-%s", i, own), 1)
			if i < 7 {
				s.signInFrom(t, here, own, fixtures.Password).MustBe(t, http.StatusCreated)
			}
		}
		requireThrottled(t, s.signInFrom(t, here, "another-"+own, "wrong"), "login-network")
	})
	t.Run("an IPv6 client is limited by its network", func(t *testing.T) {
		t.Parallel()
		email := register(t)
		for i := range 3 {
			s.mustSendWrongPasswords(t, fmt.Sprintf("2001:db8:1:2::%d", i), email, 1)
		}
		requireThrottled(t, s.signInFrom(t, "2001:db8:1:2:ffff::9", email, fixtures.Password), "login")
		s.signInFrom(t, "2001:db8:1:3::1", email, fixtures.Password).MustBe(t, http.StatusCreated)
	})
	t.Run("the client's X-Forwarded-For does not change its network", func(t *testing.T) {
		t.Parallel()
		email, here := register(t), network()
		for i := range 3 {
			s.mustSendWrongPasswords(t, fmt.Sprintf("192.0.2.%d, 192.0.2.9,%s", i, here), email, 1)
		}
		requireThrottled(t, s.signInFrom(t, "192.0.2.200,"+here, email, fixtures.Password), "login")
	})
}

// Distributed guessing is limited, but locks out neither the owner of the account nor
// clients that share a network with an attacker.
func TestThrottleDoesNotLockOutOwners(t *testing.T) {
	t.Parallel()
	s := openWith(t, lowLimits)
	s.mustRegister(t, "ada@example.com")
	s.signInFrom(t, ownerAddress, "ada@example.com", fixtures.Password).MustBe(t, http.StatusCreated)
	s.signInFrom(t, "203.0.113.2", "ada@example.com", fixtures.Password).MustBe(t, http.StatusCreated)
	for i := range 6 {
		s.mustSendWrongPasswords(t, fmt.Sprintf("198.51.100.%d", i), "ada@example.com", 1)
	}
	requireThrottled(t, s.signInFrom(t, otherAddress, "ada@example.com", fixtures.Password), "login-account")
	s.signInFrom(t, ownerAddress, "ada@example.com", fixtures.Password).MustBe(t, http.StatusCreated)

	for i := range 8 { // another client with the same address
		s.mustSendWrongPasswords(t, ownerAddress, fmt.Sprintf("victim-%d@example.com", i), 1)
	}
	requireThrottled(t, s.signInFrom(t, ownerAddress, "victim@example.com", "wrong"), "login-network")
	s.signInFrom(t, ownerAddress, "ada@example.com", fixtures.Password).MustBe(t, http.StatusCreated)
	for range 3 { // a wrong password is rejected like that of another client
		requireThrottled(t, s.signInFrom(t, ownerAddress, "ada@example.com", "wrong"), "login-network")
	}
	requireThrottled(t, s.signInFrom(t, ownerAddress, "ada@example.com", fixtures.Password), "login")

	var issued tokens
	s.signInFrom(t, "203.0.113.2", "ada@example.com", fixtures.Password).MustBe(t, http.StatusCreated).Into(t, &issued)
	s.changePasswordFrom(t, "203.0.113.2", issued.AccessToken, fixtures.Password).MustBe(t, http.StatusNoContent)
	s.signInFrom(t, "203.0.113.2", "ada@example.com", fixtures.NewPassword).MustBe(t, http.StatusCreated)
	if n := s.mustCount(t, `SELECT COUNT(*) FROM login_network n JOIN user u ON u.id = n.user_id AND u.password_version = n.password_version`); n != 1 {
		t.Errorf("%d networks are familiar for the new password, want 1", n)
	}
}

func (s server) changePasswordFrom(t *testing.T, address, token, current string) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{
		Method: http.MethodPut, Path: "/v1/users/me/password", Token: token,
		Body:   fixtures.PasswordChange(current, fixtures.NewPassword),
		Header: map[string]string{"X-Forwarded-For": address + ",192.0.2.1"},
	})
}

// The owner of the mailbox can sign in after a password reset, whatever limits are spent.
func TestPasswordResetResetsLoginLimit(t *testing.T) {
	t.Parallel()
	s := openWith(t, lowLimits)
	ada := s.mustRegister(t, "ada@example.com")
	s.mustSendWrongPasswords(t, otherAddress, ada.Email, 3)
	s.mustSendWrongPasswords(t, ownerAddress, ada.Email, 3)
	requireThrottled(t, s.signInFrom(t, otherAddress, ada.Email, fixtures.Password), "login")
	requireThrottled(t, s.signInFrom(t, "198.51.100.8", ada.Email, fixtures.Password), "login-account")
	s.mustRequestReset(t, ada.Email)
	s.Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/password-resets/confirm",
		Body:   fixtures.PasswordReset(s.lastToken(t, ada.Email), fixtures.NewPassword),
		Header: map[string]string{"X-Forwarded-For": otherAddress + ",192.0.2.1"},
	}).MustBe(t, http.StatusNoContent)
	s.signInFrom(t, otherAddress, ada.Email, fixtures.NewPassword).MustBe(t, http.StatusCreated)
	requireThrottled(t, s.signInFrom(t, ownerAddress, ada.Email, fixtures.NewPassword), "login")
}

func TestThrottleLimitsPasswordChange(t *testing.T) {
	t.Parallel()
	s := openWith(t, lowLimits)
	ada := s.mustRegister(t, "ada@example.com")
	stolen := s.Token(t, auth.Principal{UserID: ada.ID, Role: auth.Customer})
	for range 2 {
		s.changePasswordFrom(t, otherAddress, stolen, "wrong").MustBeProblem(t, http.StatusForbidden, "wrong_password")
	}
	s.mustSendWrongPasswords(t, otherAddress, ada.Email, 1) // spends the same limit
	requireThrottled(t, s.changePasswordFrom(t, otherAddress, stolen, fixtures.Password), "login")
	s.changePasswordFrom(t, ownerAddress, stolen, fixtures.Password).MustBe(t, http.StatusNoContent)
}

// Concurrent guesses do not exceed the limits.
func TestThrottleRace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings config.Environment
		address  func(i int) string
		email    func(i int) string
		checked  int64
	}{
		"one account from one network": {
			config.Environment{"USER_LOGIN_TRIES": "5"},
			func(int) string { return ownerAddress }, func(int) string { return "ada@example.com" }, 5,
		},
		"many accounts from one network": {
			config.Environment{"USER_LOGIN_TRIES_PER_NETWORK": "7"},
			func(int) string { return ownerAddress }, func(i int) string { return fmt.Sprintf("%d@example.com", i) }, 7,
		},
		"one account from many networks": {
			config.Environment{"USER_LOGIN_TRIES_PER_ACCOUNT": "6"},
			func(i int) string { return fmt.Sprintf("10.1.1.%d", i) }, func(int) string { return "ada@example.com" }, 6,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.settings["USER_LOGIN_WINDOW"], test.settings["USER_PASSWORD_QUEUE"] = "24h", "200"
			s := openWith(t, test.settings)
			s.mustRegister(t, "ada@example.com")
			var checked, throttled atomic.Int64
			var wg sync.WaitGroup
			for i := range 100 {
				wg.Go(func() {
					got := s.signInFrom(t, test.address(i), test.email(i), "wrong")
					for got.Status == http.StatusServiceUnavailable { // refused before any limit is spent
						got = s.signInFrom(t, test.address(i), test.email(i), "wrong")
					}
					switch got.Status {
					case http.StatusUnauthorized:
						checked.Add(1)
					case http.StatusTooManyRequests:
						throttled.Add(1)
					default:
						t.Errorf("got status %d: %s", got.Status, got.Body)
					}
				})
			}
			wg.Wait()
			if checked.Load() != test.checked || throttled.Load() != 100-test.checked {
				t.Errorf("%d guesses were checked and %d rejected, want %d and %d", checked.Load(), throttled.Load(), test.checked, 100-test.checked)
			}
		})
	}
}

func TestLimitIsRestored(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	b := bucket{hashParts("test"), api.RateLimit{Name: "login", Quota: 3, Window: 3 * time.Minute}}
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	spend := func(at time.Duration) (wait time.Duration, spent bool) {
		t.Helper()
		now := begin.Add(at)
		err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			fullAt, ok, err := spendAttempt(ctx, tx, b, now)
			wait, spent = fullAt.Sub(b.latest(now)), ok
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return wait, spent
	}
	for _, step := range []struct {
		at    time.Duration
		spent bool
		wait  time.Duration
	}{
		{0, true, 0},
		{0, true, 0},
		{0, true, 0},
		{0, false, time.Minute},
		{59 * time.Second, false, time.Second},
		{time.Minute, true, 0},
		{time.Minute, false, time.Minute},
		{time.Hour, true, 0}, // full, and not more than full
		{time.Hour, true, 0},
		{time.Hour, true, 0},
		{time.Hour, false, time.Minute},
	} {
		wait, spent := spend(step.at)
		if spent != step.spent || !spent && wait != step.wait {
			t.Fatalf("at %s: spent %t, wait %s; want %t, %s", step.at, spent, wait, step.spent, step.wait)
		}
	}
	if err := refundAttempts(t.Context(), db, []bucket{b}); err != nil {
		t.Fatal(err)
	}
	if _, spent := spend(time.Hour); !spent {
		t.Error("the refunded attempt is missing")
	}
}

// The tables contain neither e-mail nor IP addresses, and expired rows are deleted.
func TestThrottleStoresHashesOnly(t *testing.T) {
	t.Parallel()
	s := openWith(t, config.Environment{"USER_LOGIN_WINDOW": "1s"})
	ada := s.mustRegister(t, "ada@example.com")
	for i := range maxNetworks + 3 {
		s.signInFrom(t, fmt.Sprintf("10.2.2.%d", i), ada.Email, fixtures.Password).MustBe(t, http.StatusCreated)
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM login_network WHERE user_id = ?`, ada.ID[:]); n != maxNetworks {
		t.Errorf("%d networks are stored, want %d", n, maxNetworks)
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
	s.mustSendWrongPasswords(t, ownerAddress, "missing@example.com", 1)
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
		t.Errorf("%d networks remain of a deleted user", n)
	}
}

// An attempt whose password could not be checked is not counted.
func TestBusyLoginSpendsNoAttempt(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	s := &service{
		Runtime:   &function.Runtime{DB: db},
		passwords: password.NewHasher(0, 1, time.Millisecond), // no slot, so that nothing is checked
		login:     loginLimiter{db, clock.System, loginSettings{Window: time.Hour, Tries: 1, PerNetwork: 1, PerAccount: 1}},
	}
	for range 3 {
		_, err := s.checkPassword(t.Context(), "ada@example.com", fixtures.Password)
		requireBusy(t, err)
	}
}

func requireBusy(t *testing.T, err error) {
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
