package user

import (
	"net/http"
	"sync"
	"testing"

	"souk/functions/user/internal/totp"
)

func TestConfirmTOTP(t *testing.T) {
	t.Parallel()

	t.Run("recovery codes are returned once and stored as hashes, other sessions end, and the owner is mailed", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		ada := s.mustRegister(t, "ada@example.com")
		other, login := s.mustSignIn(t, ada.Email), s.mustSignIn(t, ada.Email)
		a := s.mustEnrolApp(t, login.AccessToken)
		if len(a.codes) != totp.RecoveryCodes {
			t.Fatalf("got %d recovery codes, want %d", len(a.codes), totp.RecoveryCodes)
		}
		for _, code := range a.codes {
			if logs.Contains(code) {
				t.Error("a recovery code is in the log")
			}
		}
		s.requireInvalidRefreshToken(t, other.RefreshToken)
		s.getMe(t, login.AccessToken).MustBe(t, http.StatusUnauthorized)
		login = s.mustRefresh(t, login.RefreshToken)
		s.getMe(t, login.AccessToken).MustBe(t, http.StatusOK)
		s.confirm(t, login.AccessToken, a.code(t)).MustBeProblem(t, http.StatusConflict, "totp_not_set_up")
		s.mustMailFactorChanges(t)
		mails := s.Mail.To(ada.Email)
		if last := mails[len(mails)-1]; last.Subject != "The sign-in to your account was changed" {
			t.Errorf("the last mail is %q", last.Subject)
		}
	})

	t.Run("an app that was not set up, or too long ago, is refused", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		login := s.mustSignIn(t, s.mustRegister(t, "ada@example.com").Email)
		s.confirm(t, login.AccessToken, "123456").MustBeProblem(t, http.StatusConflict, "totp_not_set_up")
		s.confirm(t, login.AccessToken, "12345a").MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		a := s.mustSetUp(t, login.AccessToken)
		s.clock.advance(setupTTL)
		a.at = s.clock.now()
		s.confirm(t, s.mustRefresh(t, login.RefreshToken).AccessToken, a.code(t)).MustBeProblem(t, http.StatusConflict, "totp_not_set_up")
	})
}

// Of several concurrent confirmations with one code, one succeeds and returns recovery codes.
func TestConfirmTOTPRace(t *testing.T) {
	t.Parallel()
	s := openFactors(t, nil)
	login := s.mustSignIn(t, s.mustRegister(t, "ada@example.com").Email)
	a := s.mustSetUp(t, login.AccessToken)
	code := a.code(t)
	statuses := make([]int, 6)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() { statuses[i] = s.confirm(t, login.AccessToken, code).Status })
	}
	all.Wait()
	succeeded := 0
	for _, status := range statuses {
		switch status {
		case http.StatusOK:
			succeeded++
		case http.StatusConflict, http.StatusForbidden, http.StatusUnauthorized: // revoked by then
		default:
			t.Errorf("got %d", status)
		}
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM recovery_code`); succeeded != 1 || n != totp.RecoveryCodes {
		t.Errorf("%d confirmations succeeded and %d recovery codes are stored, want 1 and %d", succeeded, n, totp.RecoveryCodes)
	}
}
