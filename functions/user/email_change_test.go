package user

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

// changeEmail requests a change of the e-mail address of the account of a token.
func (s server) changeEmail(t *testing.T, token, email string) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/users/me/email-changes", Token: token, Body: object{"email": email}})
}

func (s server) confirmEmail(t *testing.T, token, mailed string) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/users/me/email-changes/confirm", Token: token, Body: object{"token": mailed}})
}

// mustChangeEmail requests a change, sends its mail and returns the token in it.
func (s server) mustChangeEmail(t *testing.T, accessToken, email string) string {
	t.Helper()
	s.mustMailEmailChange(t, accessToken, email)
	return s.lastToken(t, email)
}

// mustMailEmailChange requests a change and sends its mail.
func (s server) mustMailEmailChange(t *testing.T, accessToken, email string) {
	t.Helper()
	known := map[uuid.UUID]bool{}
	for _, e := range s.Published.Events("email-change-requested") {
		known[e.ID] = true
	}
	if got := s.changeEmail(t, accessToken, email).MustBe(t, http.StatusAccepted); len(got.Body) != 0 {
		t.Errorf("got the body %s", got.Body)
	}
	for _, e := range s.Published.Events("email-change-requested") {
		if !known[e.ID] {
			s.Deliver(t, "email-change-mail", e).MustBe(t, http.StatusNoContent)
		}
	}
}

func TestChangeEmail(t *testing.T) {
	t.Parallel()

	t.Run("nothing changes before the confirmation, and only the newest request can be confirmed", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		ada := s.mustRegister(t, "ada@example.com")
		token := s.mustSignIn(t, ada.Email).AccessToken
		first := s.mustChangeEmail(t, token, "king@example.com")
		second := s.mustChangeEmail(t, token, "lovelace@example.com")
		var me User
		s.getMe(t, token).MustBe(t, http.StatusOK).Into(t, &me)
		if me != ada {
			t.Errorf("got %+v, want %+v", me, ada)
		}
		s.confirmEmail(t, token, first).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		s.confirmEmail(t, token, second).MustBe(t, http.StatusOK)
	})

	t.Run("a login that is not recent is refused", func(t *testing.T) {
		t.Parallel()
		moving := &movingClock{}
		s := openWith(t, nil, functiontest.WithClock(moving.now))
		ada := s.mustRegister(t, "ada@example.com")
		login := s.mustSignIn(t, ada.Email)
		moving.advance(maxLoginAge + time.Second)
		s.changeEmail(t, login.AccessToken, "king@example.com").MustBeProblem(t, http.StatusUnauthorized, "recent_login_required")
		s.changeEmail(t, s.mustRefresh(t, login.RefreshToken).AccessToken, "king@example.com").MustBeProblem(t, http.StatusUnauthorized, "recent_login_required")
		s.changeEmail(t, s.mustSignIn(t, ada.Email).AccessToken, "king@example.com").MustBe(t, http.StatusAccepted)
	})

	t.Run("invalid addresses and deleted accounts are refused", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		token := s.mustSignIn(t, s.mustRegister(t, "ada@example.com").Email).AccessToken
		for _, email := range []string{"", "no address", "a@b@c", "ada@example.com\x00"} {
			s.changeEmail(t, token, email).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		deleted := s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer})
		s.changeEmail(t, deleted, "king@example.com").MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}
