package user

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"souk/functions/fixtures"
	"souk/functions/user/internal/totp"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

// app is the authenticator app of an account under test.
type app struct {
	secret string
	codes  []string // recovery codes
	// at is the time of the app, which each code advances, so that no code is sent twice.
	at time.Time
}

// code returns the next code of the app.
func (a *app) code(t *testing.T) string {
	t.Helper()
	a.at = a.at.Add(30 * time.Second)
	code, err := totp.Code(a.secret, a.at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// frozenClock is a clock that only its test advances, so that codes do not depend on the
// duration of the test.
type frozenClock struct {
	start  time.Time
	offset atomic.Int64
}

func (c *frozenClock) now() time.Time { return c.start.Add(time.Duration(c.offset.Load())) }

func (c *frozenClock) advance(by time.Duration) { c.offset.Add(int64(by)) }

// factorServer is a user service with a clock that tests advance.
type factorServer struct {
	server
	clock *frozenClock
}

func openFactors(t *testing.T, settings config.Environment) factorServer {
	t.Helper()
	// Ahead, so that tokens that tests sign by the time of the machine are valid.
	frozen := &frozenClock{start: clock.System().Add(5 * time.Minute)}
	return factorServer{openWith(t, settings, functiontest.WithClock(frozen.now)), frozen}
}

func (s server) call(t *testing.T, method, path, token string, body any) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: method, Path: path, Token: token, Body: body})
}

// mustSetUp sets up an authenticator app, without confirming it.
func (s factorServer) mustSetUp(t *testing.T, token string) *app {
	t.Helper()
	var created struct{ Secret, URL string }
	got := s.call(t, http.MethodPost, "/v1/users/me/totp", token, nil)
	got.MustBe(t, http.StatusCreated).Into(t, &created)
	if got.Header.Get("Cache-Control") != "no-store" || !strings.Contains(created.URL, created.Secret) {
		t.Errorf("got %v %s", got.Header, got.Body)
	}
	return &app{secret: created.Secret, at: s.clock.now().Add(-30 * time.Second)}
}

// confirm sends a code of the app to confirm it.
func (s factorServer) confirm(t *testing.T, token, code string) functiontest.Response {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/users/me/totp/confirm", token, object{"code": code})
}

// mustEnrolApp adds an authenticator app to the account of a token.
func (s factorServer) mustEnrolApp(t *testing.T, token string) *app {
	t.Helper()
	a := s.mustSetUp(t, token)
	var created recoveryCodes
	s.confirm(t, token, a.code(t)).MustBe(t, http.StatusOK).Into(t, &created)
	a.codes = created.RecoveryCodes
	s.clock.advance(30 * time.Second)
	return a
}

// mustChallenge signs in with the password of an account with a second factor, and returns the
// challenge.
func (s server) mustChallenge(t *testing.T, email string) string {
	t.Helper()
	got := s.post(t, "/v1/sessions", fixtures.Login(email, fixtures.Password))
	got.MustBeProblem(t, http.StatusUnauthorized, "second_factor_required")
	var problem struct{ Challenge string }
	if err := json.Unmarshal(got.Body, &problem); err != nil || problem.Challenge == "" {
		t.Fatalf("got %s, %v", got.Body, err)
	}
	return problem.Challenge
}

func (s server) complete(t *testing.T, challenge, code string) functiontest.Response {
	t.Helper()
	return s.post(t, "/v1/sessions/confirm", object{"challenge": challenge, "code": code})
}

// mustSignInWith opens a session with fixtures.Password and a code.
func (s server) mustSignInWith(t *testing.T, email, code string) tokens {
	t.Helper()
	var issued tokens
	s.complete(t, s.mustChallenge(t, email), code).MustBe(t, http.StatusCreated).Into(t, &issued)
	return issued
}

// mustMailFactorChanges sends the mails of all changes of second factors.
func (s server) mustMailFactorChanges(t *testing.T) {
	t.Helper()
	for _, e := range s.Published.Events("second-factor-changed") {
		s.Deliver(t, "password-changed-mail", e).MustBe(t, http.StatusNoContent)
	}
}

// An account of a role that needs a second factor has the rights of a customer until it has
// one, and again when it is removed.
func TestRequiredSecondFactor(t *testing.T) {
	t.Parallel()
	s := openFactors(t, config.Environment{"USER_SECOND_FACTOR_ROLES": string(auth.Owner)})
	ada := s.mustRegister(t, "ada@example.com")
	customer := s.mustSignIn(t, ada.Email)
	if customer.SecondFactor != "" {
		t.Errorf("a customer needs %q", customer.SecondFactor)
	}
	s.mustPutRole(t, ada.ID, auth.Owner)
	list := func(token string) functiontest.Response { return s.call(t, http.MethodGet, "/v1/users", token, nil) }
	login := s.mustSignIn(t, ada.Email)
	if login.SecondFactor != "enrolment_required" {
		t.Errorf("got %q, want enrolment_required", login.SecondFactor)
	}
	list(login.AccessToken).MustBeProblem(t, http.StatusForbidden, "forbidden")
	list(s.mustRefresh(t, login.RefreshToken).AccessToken).MustBeProblem(t, http.StatusForbidden, "forbidden")

	login = s.mustSignIn(t, ada.Email)
	a := s.mustEnrolApp(t, login.AccessToken)
	enrolled := s.mustRefresh(t, login.RefreshToken)
	if enrolled.SecondFactor != "" {
		t.Errorf("after the enrolment: got %q", enrolled.SecondFactor)
	}
	list(enrolled.AccessToken).MustBe(t, http.StatusOK)
	list(s.mustSignInWith(t, ada.Email, a.code(t)).AccessToken).MustBe(t, http.StatusOK)

	var state SecondFactor
	s.call(t, http.MethodGet, "/v1/users/me/second-factor", enrolled.AccessToken, nil).MustBe(t, http.StatusOK).Into(t, &state)
	if !state.Required || len(state.Factors) != 1 {
		t.Fatalf("got %+v", state)
	}
	s.call(t, http.MethodDelete, "/v1/users/me/second-factor/"+state.Factors[0].ID.String(), enrolled.AccessToken, nil).MustBe(t, http.StatusNoContent)
	list(s.mustSignIn(t, ada.Email).AccessToken).MustBeProblem(t, http.StatusForbidden, "forbidden")
}

// A password reset ends all logins: what they have begun is not completed, also by a token whose
// revocation an instance has not read.
func TestNothingIsCompletedAfterItsLogin(t *testing.T) {
	t.Parallel()
	s := openFactors(t, nil)
	ada := s.mustRegister(t, "ada@example.com")
	login := s.mustSignIn(t, ada.Email)
	mailed := s.mustChangeEmail(t, login.AccessToken, "king@example.com")
	c, d := s.mustBeginPasskey(t, login.AccessToken, purposeRegistration), newDevice()
	a := s.mustSetUp(t, login.AccessToken)
	s.mustRequestReset(t, ada.Email)
	s.reset(t, s.lastToken(t, ada.Email), fixtures.NewPassword).MustBe(t, http.StatusNoContent)
	stale := s.unrevokedToken(t, login.AccessToken)
	s.getMe(t, stale).MustBe(t, http.StatusOK)
	s.confirm(t, stale, a.code(t)).MustBeProblem(t, http.StatusUnauthorized, "token_revoked")
	s.addPasskey(t, stale, c, d.create(t, c)).MustBeProblem(t, http.StatusUnauthorized, "token_revoked")
	s.confirmEmail(t, stale, mailed).MustBeProblem(t, http.StatusUnauthorized, "token_revoked")
	if n := s.mustCount(t, `SELECT COUNT(*) FROM user WHERE second_factor OR email_key <> 'ada@example.com'`); n != 0 {
		t.Error("the account was changed")
	}
}

// A session whose password was checked before the account got a second factor is not opened.
func TestEnrolmentDuringSignIn(t *testing.T) {
	t.Parallel()
	s := openFactors(t, nil)
	ada := s.mustRegister(t, "ada@example.com")
	checked := s.mustSelectCredentials(t, ada.Email)
	s.mustEnrolApp(t, s.mustSignIn(t, ada.Email).AccessToken)
	late, _, err := defaultSessions.open(ada.ID, s.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	if inserted, err := insertSession(t.Context(), s.DB, late, checked); err != nil || inserted {
		t.Errorf("got %t, %v", inserted, err)
	}
}

func TestSecondFactorSettings(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]config.Environment{
		"a role with a capital letter":    {"SECOND_FACTOR_KEYS": factorKey, "USER_SECOND_FACTOR_ROLES": "Owner"},
		"the role of customers":           {"SECOND_FACTOR_KEYS": factorKey, "USER_SECOND_FACTOR_ROLES": "customer"},
		"a short key":                     {"SECOND_FACTOR_KEYS": "short"},
		"no key":                          {"SECOND_FACTOR_KEYS": ""},
		"a domain without origins":        {"SECOND_FACTOR_KEYS": factorKey, "USER_PASSKEY_DOMAIN": "shop.example.com", "USER_PASSKEY_ORIGINS": ""},
		"an origin of another domain":     {"SECOND_FACTOR_KEYS": factorKey, "USER_PASSKEY_DOMAIN": "shop.example.com", "USER_PASSKEY_ORIGINS": "https://example.com"},
		"an origin with a path":           {"SECOND_FACTOR_KEYS": factorKey, "USER_PASSKEY_DOMAIN": "shop.example.com", "USER_PASSKEY_ORIGINS": "https://shop.example.com/"},
		"an origin that is not encrypted": {"SECOND_FACTOR_KEYS": factorKey, "USER_PASSKEY_DOMAIN": "shop.example.com", "USER_PASSKEY_ORIGINS": "http://shop.example.com"},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			s := &service{Runtime: function.NewRuntime(function.Options{Environment: settings})}
			if err := errors.Join(s.loadSecondFactor(), s.loadPasskeys()); err == nil || strings.Contains(err.Error(), "short") {
				t.Errorf("got %v, want an error that quotes no key", err)
			}
		})
	}
}
