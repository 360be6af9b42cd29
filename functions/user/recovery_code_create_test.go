package user

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/user/internal/totp"
	"souk/shared/auth"
)

func TestCreateRecoveryCodes(t *testing.T) {
	t.Parallel()
	s := openFactors(t, nil)
	ada := s.mustRegister(t, "ada@example.com")
	login := s.mustSignIn(t, ada.Email)
	replace := func(token string) (status int, codes []string) {
		got := s.call(t, http.MethodPost, "/v1/users/me/recovery-codes", token, nil)
		var created recoveryCodes
		if got.Status == http.StatusCreated {
			got.Into(t, &created)
		}
		return got.Status, created.RecoveryCodes
	}
	if status, _ := replace(login.AccessToken); status != http.StatusConflict {
		t.Errorf("without a second factor: got %d", status)
	}
	a := s.mustEnrolApp(t, login.AccessToken)
	status, codes := replace(s.mustRefresh(t, login.RefreshToken).AccessToken)
	if status != http.StatusCreated || len(codes) != totp.RecoveryCodes {
		t.Fatalf("got %d, %d codes", status, len(codes))
	}
	challenge := s.mustChallenge(t, ada.Email)
	s.complete(t, challenge, a.codes[0]).MustBeProblem(t, http.StatusUnauthorized, "wrong_code")
	s.complete(t, challenge, codes[0]).MustBe(t, http.StatusCreated)
	if status, _ := replace(s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer})); status != http.StatusUnauthorized {
		t.Errorf("of a deleted account: got %d", status)
	}
}
