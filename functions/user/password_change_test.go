package user

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"souk/functions/fixtures"
)

func TestChangePassword(t *testing.T) {
	t.Parallel()
	s := open(t)
	change := fixtures.PasswordChange(fixtures.Password, fixtures.NewPassword)

	t.Run("all other logins end, and the event for the mail is published", func(t *testing.T) {
		t.Parallel()
		ada := s.mustRegister(t, "ada@example.com")
		other, own := s.mustSignIn(t, "ada@example.com"), s.mustSignIn(t, "ada@example.com")
		s.changePassword(t, own.AccessToken, change).MustBe(t, http.StatusNoContent)
		s.requireInvalidRefreshToken(t, other.RefreshToken)
		s.mustRefresh(t, own.RefreshToken)
		s.post(t, "/v1/sessions", fixtures.Login("ada@example.com", fixtures.Password)).
			MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
		s.post(t, "/v1/sessions", fixtures.Login("ada@example.com", fixtures.NewPassword)).MustBe(t, http.StatusCreated)
		s.mustEvent(t, "password-changed", ada.ID)
	})
	t.Run("a rejected change changes nothing", func(t *testing.T) {
		t.Parallel()
		s.mustRegister(t, "bea@example.com")
		token := s.mustSignIn(t, "bea@example.com").AccessToken
		s.changePassword(t, token, fixtures.PasswordChange("wrong", fixtures.NewPassword)).
			MustBeProblem(t, http.StatusForbidden, "wrong_password")
		for _, weak := range []string{"", "short", "Password123", "bea@example.com", strings.Repeat("ab", 65)} {
			s.changePassword(t, token, fixtures.PasswordChange(fixtures.Password, weak)).
				MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		s.changePassword(t, "", change).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		_, deleted := s.Tokens.Customer(t)
		s.changePassword(t, deleted, change).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		s.mustSignIn(t, "bea@example.com")
	})
}

// One of several concurrent changes succeeds, and only its login remains, whether or not
// other logins are refreshed concurrently.
func TestChangePasswordRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	statuses := make([]int, 6)
	logins := make([]tokens, len(statuses))
	for i := range logins {
		logins[i] = s.mustSignIn(t, ada.Email)
	}
	var wg sync.WaitGroup
	for i, issued := range logins {
		wg.Go(func() {
			statuses[i] = s.changePassword(t, issued.AccessToken, fixtures.PasswordChange(fixtures.Password, fixtures.NewPassword)).Status
		})
		wg.Go(func() { s.refresh(t, issued.RefreshToken) })
	}
	wg.Wait()
	succeeded := 0
	for _, status := range statuses {
		if status == http.StatusNoContent {
			succeeded++
		} else if status >= http.StatusInternalServerError {
			t.Errorf("got %d", status)
		}
	}
	if succeeded != 1 {
		t.Errorf("%d of %d changes succeeded, want 1", succeeded, len(statuses))
	}
	if n := s.mustCount(t, `SELECT COUNT(DISTINCT family_id) FROM session WHERE user_id = ?`, ada.ID[:]); n != 1 {
		t.Errorf("%d logins remain, want 1", n)
	}
}
