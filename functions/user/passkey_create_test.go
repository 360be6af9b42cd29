package user

import (
	"net/http"
	"strings"
	"testing"

	"souk/functions/fixtures"
	"souk/functions/user/internal/totp"
)

func TestCreatePasskey(t *testing.T) {
	t.Parallel()

	t.Run("the first one returns recovery codes, and the password alone no longer signs in", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		ada := s.mustRegister(t, "ada@example.com")
		login := s.mustSignIn(t, ada.Email)
		d := newDevice()
		c := s.mustBeginPasskey(t, login.AccessToken, purposeRegistration)
		response := d.create(t, c)
		var created struct {
			Factor
			recoveryCodes
		}
		s.addPasskey(t, login.AccessToken, c, response).MustBe(t, http.StatusCreated).Into(t, &created)
		if created.Kind != "passkey" || created.Name != "Key ring" || len(created.RecoveryCodes) != totp.RecoveryCodes {
			t.Errorf("got %+v", created)
		}
		login = s.mustRefresh(t, login.RefreshToken)
		s.addPasskey(t, login.AccessToken, c, response).MustBeProblem(t, http.StatusBadRequest, "invalid_challenge")
		if f := s.mustReadFactor(t, login.AccessToken); f.ID != created.ID {
			t.Errorf("got %+v", f)
		}
		second := s.mustBeginPasskey(t, login.AccessToken, purposeRegistration)
		if !strings.Contains(string(second.Options), "excludeCredentials") {
			t.Errorf("the options do not exclude the passkey: %s", second.Options)
		}
		s.addPasskey(t, login.AccessToken, second, d.create(t, second)).MustBeProblem(t, http.StatusBadRequest, "invalid_passkey")
		s.post(t, "/v1/sessions", fixtures.Login(ada.Email, fixtures.Password)).MustBeProblem(t, http.StatusUnauthorized, "second_factor_required")
		s.mustSignInWith(t, ada.Email, created.RecoveryCodes[0])
	})

	t.Run("responses for another account, origin, domain or purpose, and unverified users, are refused", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		ada, eve := s.mustSignIn(t, s.mustRegister(t, "ada@example.com").Email), s.mustSignIn(t, s.mustRegister(t, "eve@example.com").Email)
		c := s.mustBeginPasskey(t, ada.AccessToken, purposeRegistration)
		d := newDevice()
		s.addPasskey(t, eve.AccessToken, c, d.create(t, c)).MustBeProblem(t, http.StatusBadRequest, "invalid_challenge")
		signIn := s.mustBeginPasskey(t, ada.AccessToken, purposeSignIn)
		s.addPasskey(t, ada.AccessToken, signIn, d.create(t, c)).MustBeProblem(t, http.StatusBadRequest, "invalid_challenge")
		other := s.mustBeginPasskey(t, ada.AccessToken, purposeRegistration)
		s.addPasskey(t, ada.AccessToken, other, d.create(t, c)).MustBeProblem(t, http.StatusBadRequest, "invalid_passkey")
		phishing, foreign, unverified := newDevice(), newDevice(), newDevice()
		phishing.site.Origin = "https://shop.example.org"
		foreign.site.ID = "example.org"
		unverified.authenticator.Options.UserNotVerified = true
		for _, wrong := range []*device{phishing, foreign, unverified} {
			s.addPasskey(t, ada.AccessToken, c, wrong.create(t, c)).MustBeProblem(t, http.StatusBadRequest, "invalid_passkey")
		}
		for _, text := range []string{"x", "{}", "null", "[]", `{"id":"","rawId":"","type":"public-key","response":{}}`} {
			s.addPasskey(t, ada.AccessToken, c, text).MustBeProblem(t, http.StatusBadRequest, "invalid_passkey")
		}
		s.addPasskey(t, ada.AccessToken, c, d.create(t, c)).MustBe(t, http.StatusCreated)
	})

	t.Run("an account has a limited number", func(t *testing.T) {
		t.Parallel()
		s := openFactors(t, nil)
		login := s.mustSignIn(t, s.mustRegister(t, "ada@example.com").Email)
		s.mustAddPasskey(t, login.AccessToken)
		login = s.mustRefresh(t, login.RefreshToken)
		for range maxPasskeys - 2 {
			s.mustAddPasskey(t, login.AccessToken)
		}
		late := s.mustBeginPasskey(t, login.AccessToken, purposeRegistration)
		s.mustAddPasskey(t, login.AccessToken)
		s.addPasskey(t, login.AccessToken, late, newDevice().create(t, late)).MustBeProblem(t, http.StatusConflict, "too_many_passkeys")
		s.beginPasskey(t, login.AccessToken, purposeRegistration).MustBeProblem(t, http.StatusConflict, "too_many_passkeys")
	})
}
