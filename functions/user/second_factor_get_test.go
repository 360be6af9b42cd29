package user

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions/user/internal/totp"
	"souk/shared/auth"
)

func TestGetSecondFactor(t *testing.T) {
	t.Parallel()
	s := openFactors(t, nil)
	ada := s.mustRegister(t, "ada@example.com")
	get := func(token string) (f SecondFactor) {
		t.Helper()
		got := s.call(t, http.MethodGet, "/v1/users/me/second-factor", token, nil)
		got.MustBe(t, http.StatusOK).Into(t, &f)
		if strings.Contains(string(got.Body), "null") {
			t.Errorf("got %s", got.Body)
		}
		return f
	}
	login := s.mustSignIn(t, ada.Email)
	s.mustSetUp(t, login.AccessToken)
	if f := get(login.AccessToken); f.Required || len(f.Factors) != 0 || f.RecoveryCodes != 0 {
		t.Errorf("without a confirmed app: got %+v", f)
	}
	a := s.mustEnrolApp(t, login.AccessToken)
	used := s.mustSignInWith(t, ada.Email, a.codes[0])
	f := get(used.AccessToken)
	if len(f.Factors) != 1 || f.Factors[0].Kind != "totp" || f.RecoveryCodes != totp.RecoveryCodes-1 {
		t.Errorf("got %+v", f)
	}
	deleted := s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer})
	s.call(t, http.MethodGet, "/v1/users/me/second-factor", deleted, nil).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
}
