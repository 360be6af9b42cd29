package user

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
)

func TestResetSecondFactor(t *testing.T) {
	t.Parallel()
	s := openFactors(t, nil)
	ada := s.mustRegister(t, "ada@example.com")
	root, admin := s.mustAdmin(t)
	login := s.mustSignIn(t, ada.Email)
	s.mustEnrolApp(t, login.AccessToken)
	challenge := s.mustChallenge(t, ada.Email)
	path := func(id uuid.UUID) string { return "/v1/users/" + id.String() + "/second-factor" }
	s.call(t, http.MethodDelete, path(ada.ID), s.mustRefresh(t, login.RefreshToken).AccessToken, nil).MustBeProblem(t, http.StatusForbidden, "forbidden")
	s.call(t, http.MethodDelete, path(root.ID), admin, nil).MustBeProblem(t, http.StatusConflict, "own_account")
	s.call(t, http.MethodDelete, path(uuid.New()), admin, nil).MustBeProblem(t, http.StatusNotFound, "user_not_found")
	for range 2 {
		s.call(t, http.MethodDelete, path(ada.ID), admin, nil).MustBe(t, http.StatusNoContent)
	}
	s.requireInvalidRefreshToken(t, login.RefreshToken)
	s.complete(t, challenge, "123456").MustBeProblem(t, http.StatusUnauthorized, "invalid_challenge")
	s.mustSignIn(t, ada.Email)
	s.mustMailFactorChanges(t)
	if n := len(s.Mail.To(ada.Email)); n != 3 {
		t.Errorf("%d mails, want those of the registration, the app and the reset", n)
	}
}
