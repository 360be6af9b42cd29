package user

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

func TestDeleteSecondFactor(t *testing.T) {
	t.Parallel()
	s := openFactors(t, nil)
	ada, eve := s.mustRegister(t, "ada@example.com"), s.mustRegister(t, "eve@example.com")
	login := s.mustSignIn(t, ada.Email)
	a := s.mustEnrolApp(t, login.AccessToken)
	id := s.mustReadFactor(t, s.mustRefresh(t, login.RefreshToken).AccessToken).ID
	remove := func(token string, id uuid.UUID) functiontest.Response {
		return s.call(t, http.MethodDelete, "/v1/users/me/second-factor/"+id.String(), token, nil)
	}
	remove(s.mustSignIn(t, eve.Email).AccessToken, id).MustBeProblem(t, http.StatusNotFound, "factor_not_found")
	login = s.mustSignInWith(t, ada.Email, a.code(t))
	remove(login.AccessToken, uuid.New()).MustBeProblem(t, http.StatusNotFound, "factor_not_found")
	s.clock.advance(maxLoginAge + time.Second)
	stale := s.mustRefresh(t, login.RefreshToken)
	remove(stale.AccessToken, id).MustBeProblem(t, http.StatusUnauthorized, "recent_login_required")

	a.at = s.clock.now().Add(-30 * time.Second)
	login = s.mustSignInWith(t, ada.Email, a.code(t))
	remove(login.AccessToken, id).MustBe(t, http.StatusNoContent)
	s.requireInvalidRefreshToken(t, stale.RefreshToken)
	login = s.mustRefresh(t, login.RefreshToken)
	remove(login.AccessToken, id).MustBeProblem(t, http.StatusNotFound, "factor_not_found")
	s.mustSignIn(t, ada.Email) // the password suffices
	if n := s.mustCount(t, `SELECT (SELECT COUNT(*) FROM totp) + (SELECT COUNT(*) FROM recovery_code)`); n != 0 {
		t.Errorf("%d rows remain", n)
	}
	deleted := s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer})
	remove(deleted, id).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
}

// mustReadFactor returns the only factor of the account of a token.
func (s server) mustReadFactor(t *testing.T, token string) Factor {
	t.Helper()
	var f SecondFactor
	s.call(t, http.MethodGet, "/v1/users/me/second-factor", token, nil).MustBe(t, http.StatusOK).Into(t, &f)
	if len(f.Factors) != 1 {
		t.Fatalf("got %+v, want one factor", f)
	}
	return f.Factors[0]
}
