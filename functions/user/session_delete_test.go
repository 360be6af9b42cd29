package user

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

func TestDeleteSession(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustRegister(t, "ada@example.com")
	signOut := func(t *testing.T, token string) functiontest.Response {
		t.Helper()
		return s.Do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/sessions/current", Token: token})
	}
	t.Run("only the caller's login ends", func(t *testing.T) {
		t.Parallel()
		other, own := s.mustSignIn(t, "ada@example.com"), s.mustSignIn(t, "ada@example.com")
		next := s.mustRefresh(t, own.RefreshToken)
		signOut(t, next.AccessToken).MustBe(t, http.StatusNoContent)
		signOut(t, next.AccessToken).MustBeProblem(t, http.StatusUnauthorized, "token_revoked")
		signOut(t, s.unrevokedToken(t, next.AccessToken)).MustBe(t, http.StatusNoContent)
		s.requireInvalidRefreshToken(t, next.RefreshToken)
		s.mustRefresh(t, other.RefreshToken)
	})
	t.Run("a caller without a login is rejected", func(t *testing.T) {
		t.Parallel()
		signOut(t, "").MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		signOut(t, s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer})).
			MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}

// A refresh that is concurrent with the sign-out must not leave a refresh token.
func TestDeleteSessionRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	for range 10 {
		issued := s.mustSignIn(t, ada.Email)
		var wg sync.WaitGroup
		wg.Go(func() { s.refresh(t, issued.RefreshToken) })
		wg.Go(func() {
			s.Do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/sessions/current", Token: issued.AccessToken})
		})
		wg.Wait()
		if n := s.mustCount(t, `SELECT COUNT(*) FROM session WHERE user_id = ?`, ada.ID[:]); n != 0 {
			t.Fatalf("%d refresh tokens remain after the sign-out", n)
		}
	}
}
