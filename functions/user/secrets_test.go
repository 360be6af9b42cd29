package user

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

func TestPasswordsAreNotRevealed(t *testing.T) {
	t.Parallel()
	s := open(t)
	const secret = "correct-horse-7f3a" // in every request below
	account := object{"email": "ada@example.com", "password": secret, "name": "Ada"}
	with := func(member string, value any) object {
		changed := maps.Clone(account)
		changed[member] = value
		return changed
	}
	login := fixtures.Login("ada@example.com", secret)
	s.mustRegisterAs(t, account)
	for _, request := range []struct {
		name, path string
		body       any
		status     int
	}{
		{"registered", "/v1/users", account, http.StatusCreated},
		{"registered again", "/v1/users", account, http.StatusCreated},
		{"another member wrong", "/v1/users", with("email", "no address"), http.StatusBadRequest},
		{"a member unknown", "/v1/users", with("nickname", secret), http.StatusBadRequest},
		{"too long", "/v1/users", with("password", strings.Repeat(secret, 10)), http.StatusBadRequest},
		{"of another type", "/v1/users", with("password", []string{secret}), http.StatusBadRequest},
		{"in another type", "/v1/users", with("password", object{"text": secret}), http.StatusBadRequest},
		{"as the name", "/v1/users", with("name", secret+"\x00"), http.StatusBadRequest},
		{"in no JSON", "/v1/users", `{"password": "` + secret + `"`, http.StatusBadRequest},
		{"as the body", "/v1/users", `"` + secret + `"`, http.StatusBadRequest},
		{"bare", "/v1/users", secret, http.StatusBadRequest},
		{"signed in", "/v1/sessions", login, http.StatusCreated},
		{"wrong", "/v1/sessions", object{"email": "ada@example.com", "password": secret + "!"}, http.StatusUnauthorized},
		{"of a missing account", "/v1/sessions", fixtures.Login("bob@example.com", secret), http.StatusUnauthorized},
		{"as the address", "/v1/sessions", fixtures.Login(secret, secret), http.StatusUnauthorized},
		{"too long to be one", "/v1/sessions", object{"email": "a@b.c", "password": strings.Repeat(secret, 10)}, http.StatusBadRequest},
		{"in the query", "/v1/sessions?password=" + secret, login, http.StatusBadRequest},
	} {
		got := s.post(t, request.path, request.body) // in order, because some requests need the account of earlier ones
		if got.Status != request.status {
			t.Fatalf("%s: got status %d, want %d: %s", request.name, got.Status, request.status, got.Body)
		}
		if strings.Contains(string(got.Body), secret) {
			t.Errorf("%s: the response contains the password: %s", request.name, got.Body)
		}
	}
	signedIn := tokens{}
	s.post(t, "/v1/sessions", login).MustBe(t, http.StatusCreated).Into(t, &signedIn)
	for name, secret := range map[string]string{
		"password": secret, "access token": signedIn.AccessToken, "refresh token": signedIn.RefreshToken,
	} {
		if logs.Contains(secret) {
			t.Errorf("the log contains the %s", name)
		}
	}
	if !logs.Contains("session-create") {
		t.Error("nothing was logged")
	}
}

// Secrets must not be logged, whatever the responses of these operations.
func TestAccountSecretsStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	moving := &movingClock{}
	s := openWith(t, nil, functiontest.WithClock(moving.now))
	email, first, second := "canary-mail@example.com", "canary old password", "canary new password"
	body := fixtures.Registration(email)
	body["password"] = first
	s.mustRegisterAs(t, body)
	var issued tokens
	s.post(t, "/v1/sessions", fixtures.Login(email, first)).MustBe(t, http.StatusCreated).Into(t, &issued)
	next := s.mustRefresh(t, issued.RefreshToken)
	s.changePassword(t, next.AccessToken, fixtures.PasswordChange(second, second)).MustBe(t, http.StatusForbidden)
	s.changePassword(t, next.AccessToken, fixtures.PasswordChange(first, second)).MustBe(t, http.StatusNoContent)
	moving.advance(defaultSessions.ReuseInterval)
	s.requireInvalidRefreshToken(t, issued.RefreshToken)
	for _, canary := range []string{email, first, second, issued.RefreshToken, next.RefreshToken, issued.AccessToken, next.AccessToken} {
		if logs.Contains(canary) {
			t.Errorf("%s is in the log", canary)
		}
	}
	if !logs.Contains("spent refresh token reused") {
		t.Error("the log has no entry for the reused token")
	}
}
