package user

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
)

func TestCreateTOTP(t *testing.T) {
	t.Parallel()
	s := openFactors(t, nil)
	ada := s.mustRegister(t, "ada@example.com")
	login := s.mustSignIn(t, ada.Email)

	a := s.mustSetUp(t, login.AccessToken)
	s.mustSignIn(t, ada.Email) // nothing has changed yet
	if n := s.mustCount(t, `SELECT COUNT(*) FROM totp WHERE INSTR(secret, ?) > 0`, a.secret); n != 0 {
		t.Error("the secret is stored in clear")
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM idempotency_key`); n != 0 {
		t.Errorf("%d responses are stored", n)
	}
	second := s.mustSetUp(t, login.AccessToken)
	s.confirm(t, login.AccessToken, a.code(t)).MustBeProblem(t, http.StatusForbidden, "wrong_code")
	s.confirm(t, login.AccessToken, second.code(t)).MustBe(t, http.StatusOK)
	login = s.mustRefresh(t, login.RefreshToken)
	s.call(t, http.MethodPost, "/v1/users/me/totp", login.AccessToken, nil).MustBeProblem(t, http.StatusConflict, "totp_exists")
	if logs.Contains(a.secret) || logs.Contains(second.secret) {
		t.Error("a secret is in the log")
	}

	s.clock.advance(maxLoginAge + time.Second)
	login = s.mustRefresh(t, login.RefreshToken)
	s.call(t, http.MethodPost, "/v1/users/me/totp", login.AccessToken, nil).MustBeProblem(t, http.StatusUnauthorized, "recent_login_required")
	deleted := s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer})
	s.call(t, http.MethodPost, "/v1/users/me/totp", deleted, nil).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
}
