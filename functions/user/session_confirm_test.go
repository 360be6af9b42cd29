package user

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/functions/fixtures"
	"souk/shared/config"
)

func TestConfirmSession(t *testing.T) {
	t.Parallel()

	t.Run("a code signs in once, and one of an earlier step does not", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		ada := s.mustRegister(t, "ada@example.com")
		a := s.mustEnrolApp(t, s.mustSignIn(t, ada.Email).AccessToken)
		earlier := a.code(t)
		code := a.code(t)
		s.clock.advance(30 * time.Second)
		challenge := s.mustChallenge(t, ada.Email)
		var issued tokens
		got := s.complete(t, challenge, code)
		got.MustBe(t, http.StatusCreated).Into(t, &issued)
		if got.Header.Get("Cache-Control") != "no-store" {
			t.Error("the tokens may be cached")
		}
		s.getMe(t, issued.AccessToken).MustBe(t, http.StatusOK)
		s.mustRefresh(t, issued.RefreshToken)
		s.complete(t, challenge, a.code(t)).MustBeProblem(t, http.StatusUnauthorized, "invalid_challenge")
		for _, spent := range []string{code, earlier} {
			s.complete(t, s.mustChallenge(t, ada.Email), spent).MustBeProblem(t, http.StatusUnauthorized, "wrong_code")
		}
		if logs.Contains(challenge) {
			t.Error("the challenge is in the log")
		}
	})

	t.Run("a recovery code signs in once, and the owner is mailed", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		ada, eve := s.mustRegister(t, "ada@example.com"), s.mustRegister(t, "eve@example.com")
		a := s.mustEnrolApp(t, s.mustSignIn(t, ada.Email).AccessToken)
		eves := s.mustEnrolApp(t, s.mustSignIn(t, eve.Email).AccessToken)
		s.mustSignInWith(t, ada.Email, strings.ToUpper(a.codes[3]))
		for _, wrong := range []string{a.codes[3], eves.codes[0], "", "-"} {
			if s.complete(t, s.mustChallenge(t, ada.Email), wrong).Status == http.StatusCreated {
				t.Errorf("%q signs in", wrong)
			}
		}
		s.mustMailFactorChanges(t)
		mails := s.Mail.To(ada.Email)
		if last := mails[len(mails)-1]; !strings.Contains(last.Text, "recovery code was used") {
			t.Errorf("the last mail is %s", last.Text)
		}
	})

	t.Run("a challenge is refused when it is unknown, expired or of an account that has changed", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		ada := s.mustRegister(t, "ada@example.com")
		a := s.mustEnrolApp(t, s.mustSignIn(t, ada.Email).AccessToken)
		s.complete(t, strings.Repeat("A", 43), "123456").MustBeProblem(t, http.StatusUnauthorized, "invalid_challenge")
		expired := s.mustChallenge(t, ada.Email)
		s.clock.advance(challengeTTL)
		s.complete(t, expired, a.codes[0]).MustBeProblem(t, http.StatusUnauthorized, "invalid_challenge")
		before := s.mustChallenge(t, ada.Email)
		s.mustRequestReset(t, ada.Email)
		s.reset(t, s.lastToken(t, ada.Email), fixtures.NewPassword).MustBe(t, http.StatusNoContent)
		s.complete(t, before, a.codes[0]).MustBeProblem(t, http.StatusUnauthorized, "invalid_challenge")
		// A password reset does not bypass the second factor.
		s.post(t, "/v1/sessions", fixtures.Login(ada.Email, fixtures.NewPassword)).MustBeProblem(t, http.StatusUnauthorized, "second_factor_required")
	})

	t.Run("exactly one of code and passkey is required", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		s.post(t, "/v1/sessions/confirm", object{"challenge": "x"}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		s.post(t, "/v1/sessions/confirm", object{"challenge": "x", "code": "1", "passkey": "{}"}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})
}

// A correct password neither restores the attempts at codes nor makes the network familiar.
func TestGuessedCodes(t *testing.T) {
	t.Parallel()
	const tries = 3
	s := openFactors(t, config.Environment{"USER_LOGIN_TRIES": "3", "USER_LOGIN_WINDOW": "24h"})
	ada := s.mustRegister(t, "ada@example.com")
	a := s.mustEnrolApp(t, s.mustSignIn(t, ada.Email).AccessToken)
	networks := s.mustCount(t, `SELECT COUNT(*) FROM login_network`)
	for range tries {
		s.complete(t, s.mustChallenge(t, ada.Email), "000000").MustBeProblem(t, http.StatusUnauthorized, "wrong_code")
	}
	s.complete(t, s.mustChallenge(t, ada.Email), a.code(t)).MustBe(t, http.StatusTooManyRequests)
	if n := s.mustCount(t, `SELECT COUNT(*) FROM login_network`); n != networks {
		t.Errorf("%d networks are familiar, want %d", n, networks)
	}
	s.clock.advance(24 * time.Hour)
	challenge := s.mustChallenge(t, ada.Email)
	for range tries - 1 {
		s.complete(t, challenge, "000000").MustBeProblem(t, http.StatusUnauthorized, "wrong_code")
	}
	a.at = s.clock.now().Add(-30 * time.Second)
	s.complete(t, challenge, a.code(t)).MustBe(t, http.StatusCreated)
}

// Of several concurrent uses of one code, with challenges of their own, one signs in; and of
// one challenge as well.
func TestConfirmSessionRace(t *testing.T) {
	t.Parallel()
	s := openFactors(t, config.Environment{"USER_LOGIN_TRIES": "100"})
	ada := s.mustRegister(t, "ada@example.com")
	a := s.mustEnrolApp(t, s.mustSignIn(t, ada.Email).AccessToken)
	code := a.code(t)
	for name, code := range map[string]func(int) string{
		"a code":                           func(int) string { return code },
		"a recovery code":                  func(int) string { return a.codes[0] },
		"one challenge and recovery codes": func(i int) string { return a.codes[1+i] },
	} {
		challenges := make([]string, 4)
		for i := range challenges {
			if challenges[i] = s.mustChallenge(t, ada.Email); strings.HasPrefix(name, "one") {
				challenges[i] = challenges[0]
			}
		}
		statuses := make([]int, len(challenges))
		var all sync.WaitGroup
		for i := range statuses {
			all.Go(func() { statuses[i] = s.complete(t, challenges[i], code(i)).Status })
		}
		all.Wait()
		succeeded := 0
		for _, status := range statuses {
			if status == http.StatusCreated {
				succeeded++
			} else if status != http.StatusUnauthorized {
				t.Errorf("%s: got %d", name, status)
			}
		}
		if succeeded != 1 {
			t.Errorf("%s: %v, want one 201", name, statuses)
		}
	}
}
