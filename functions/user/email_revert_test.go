package user

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

func (s server) revertEmail(t *testing.T, token string) functiontest.Response {
	t.Helper()
	return s.post(t, "/v1/email-changes/revert", object{"token": token})
}

// mustReplaceEmail changes the address of an account and returns the token that reverts it.
func (s server) mustReplaceEmail(t *testing.T, u User, accessToken, email string) string {
	t.Helper()
	var changed User
	s.confirmEmail(t, accessToken, s.mustChangeEmail(t, accessToken, email)).MustBe(t, http.StatusOK).Into(t, &changed)
	events := s.Published.Events("email-changed")
	s.Deliver(t, "password-changed-mail", events[len(events)-1]).MustBe(t, http.StatusNoContent)
	return s.lastToken(t, u.Email)
}

func TestRevertEmail(t *testing.T) {
	t.Parallel()

	t.Run("the old address is restored, the password is void and all sessions end", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		ada := s.mustRegister(t, "ada@example.com")
		login := s.mustSignIn(t, ada.Email)
		token := s.mustReplaceEmail(t, ada, login.AccessToken, "eve@example.com")
		s.mustRequestReset(t, "eve@example.com")
		attackersReset := s.lastToken(t, "eve@example.com")
		s.revertEmail(t, token).MustBe(t, http.StatusNoContent)
		s.revertEmail(t, token).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		s.requireInvalidRefreshToken(t, login.RefreshToken)
		for _, email := range []string{ada.Email, "eve@example.com"} {
			s.post(t, "/v1/sessions", fixtures.Login(email, fixtures.Password)).MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
		}
		s.reset(t, attackersReset, fixtures.NewPassword).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		s.mustRequestReset(t, ada.Email)
		s.reset(t, s.lastToken(t, ada.Email), fixtures.NewPassword).MustBe(t, http.StatusNoContent)
		s.post(t, "/v1/sessions", fixtures.Login(ada.Email, fixtures.NewPassword)).MustBe(t, http.StatusCreated)
		if logs.Contains(token) {
			t.Error("the token is in the log")
		}
	})

	t.Run("the first of several changes can be reverted, and no later one then", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		ada := s.mustRegister(t, "ada@example.com")
		access := s.mustSignIn(t, ada.Email).AccessToken
		first := s.mustReplaceEmail(t, ada, access, "eve@example.com")
		second := s.mustReplaceEmail(t, User{Email: "eve@example.com"}, access, "mallory@example.com")
		s.revertEmail(t, first).MustBe(t, http.StatusNoContent)
		s.revertEmail(t, second).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		if n := s.mustCount(t, `SELECT COUNT(*) FROM user WHERE email_key = ?`, ada.Email); n != 1 {
			t.Errorf("%d accounts have the first address, want 1", n)
		}
	})

	t.Run("tokens that are wrong, expired or of an address in use are refused", func(t *testing.T) {
		t.Parallel()
		moving := &movingClock{}
		s := openWith(t, nil, functiontest.WithClock(moving.now))
		ada, bea := s.mustRegister(t, "ada@example.com"), s.mustRegister(t, "bea@example.com")
		taken := s.mustReplaceEmail(t, ada, s.mustSignIn(t, ada.Email).AccessToken, "king@example.com")
		expired := s.mustReplaceEmail(t, bea, s.mustSignIn(t, bea.Email).AccessToken, "queen@example.com")
		s.mustRegister(t, ada.Email)
		s.revertEmail(t, taken).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		s.revertEmail(t, strings.Repeat("A", 43)).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		moving.advance(emailRevertTTL)
		s.revertEmail(t, expired).MustBeProblem(t, http.StatusBadRequest, "invalid_token")
	})
}

// A revert that is concurrent with another change wins: whatever the order, the account has
// its first address, or the second change was confirmed afterwards and can be reverted.
func TestRevertEmailRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	access := s.mustSignIn(t, ada.Email).AccessToken
	revert := s.mustReplaceEmail(t, ada, access, "eve@example.com")
	mailed := s.mustChangeEmail(t, access, "mallory@example.com")
	statuses := make([]int, 4)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() {
			if i%2 == 0 {
				statuses[i] = s.revertEmail(t, revert).Status
			} else {
				statuses[i] = s.confirmEmail(t, access, mailed).Status
			}
		})
	}
	all.Wait()
	if reverted := statuses[0] + statuses[2]; reverted != http.StatusNoContent+http.StatusBadRequest {
		t.Errorf("the reverts got %d and %d, want one 204", statuses[0], statuses[2])
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM user WHERE email_key = ?`, ada.Email); n != 1 {
		t.Errorf("%d accounts have the first address, want 1 (%v)", n, statuses)
	}
}
