package user

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/auth"
	"souk/shared/event"
	"souk/shared/function/functiontest"
)

func (s server) putRole(t *testing.T, id uuid.UUID, token string, body any) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPut, Path: "/v1/users/" + id.String() + "/role", Token: token, Body: body})
}

func (s server) mustPutRole(t *testing.T, id uuid.UUID, role auth.Role) User {
	t.Helper()
	var u User
	_, admin := s.mustAdmin(t)
	s.putRole(t, id, admin, object{"role": role}).MustBe(t, http.StatusOK).Into(t, &u)
	return u
}

func (s server) changePassword(t *testing.T, token string, body any) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPut, Path: "/v1/users/me/password", Token: token, Body: body})
}

func (s server) post(t *testing.T, path string, body any) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: path, Body: body})
}

func (s server) getMe(t *testing.T, token string) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users/me", Token: token})
}

// mustRegister creates an account with fixtures.Password: it registers, reads the mail and
// confirms the address.
func (s server) mustRegister(t *testing.T, email string) User {
	t.Helper()
	return s.mustRegisterAs(t, fixtures.Registration(email))
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
	return s.confirmWith(t, token, fixtures.Password)
}

func (s server) confirmWith(t *testing.T, token, password string) functiontest.Response {
	t.Helper()
	return s.post(t, "/v1/email-verifications/confirm", object{"token": token, "password": password})
}

// mustEvent returns the event of an aggregate.
func (s server) mustEvent(t *testing.T, eventType string, aggregateID uuid.UUID) event.Event {
	t.Helper()
	for _, e := range s.Published.Events(eventType) {
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

// mustSignIn opens a session with fixtures.Password.
func (s server) mustSignIn(t *testing.T, email string) tokens {
	t.Helper()
	var issued tokens
	s.post(t, "/v1/sessions", fixtures.Login(email, fixtures.Password)).MustBe(t, http.StatusCreated).Into(t, &issued)
	return issued
}

// mustRequestReset requests a reset and sends its mail.
func (s server) mustRequestReset(t *testing.T, email string) {
	t.Helper()
	known := map[uuid.UUID]bool{}
	for _, e := range s.Published.Events("password-reset-requested") {
		known[e.ID] = true
	}
	got := s.post(t, "/v1/password-resets", object{"email": email}).MustBe(t, http.StatusAccepted)
	if len(got.Body) != 0 {
		t.Errorf("got the body %s", got.Body)
	}
	events := s.Published.Events("password-reset-requested")
	if len(events) != len(known)+1 {
		t.Fatalf("%d events, want one more than %d", len(events), len(known))
	}
	s.Deliver(t, "password-reset-mail", events[len(known)]).MustBe(t, http.StatusNoContent)
}

func (s server) reset(t *testing.T, token, password string) functiontest.Response {
	t.Helper()
	return s.post(t, "/v1/password-resets/confirm", fixtures.PasswordReset(token, password))
}

// lastToken returns the token of the newest mail to an address.
func (s server) lastToken(t *testing.T, email string) string {
	t.Helper()
	mails := s.Mail.To(email)
	return tokenIn(t, mails[len(mails)-1].Text)
}

func (s server) refresh(t *testing.T, token string) functiontest.Response {
	t.Helper()
	return s.post(t, "/v1/sessions/refresh", object{"refreshToken": token})
}

func (s server) mustRefresh(t *testing.T, token string) tokens {
	t.Helper()
	var issued tokens
	s.refresh(t, token).MustBe(t, http.StatusCreated).Into(t, &issued)
	return issued
}

func (s server) requireInvalidRefreshToken(t *testing.T, token string) {
	t.Helper()
	s.refresh(t, token).MustBeProblem(t, http.StatusUnauthorized, "invalid_refresh_token")
}
