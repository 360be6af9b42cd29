package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

// operations are one for admins of each service.
var operations = []string{"/v1/products/export", "/v1/orders", "/v1/users"}

// TestRevokedTokens ends rights in a running system, by the event's own way: no service
// accepts the access token any more, and a new one works.
func TestRevokedTokens(t *testing.T) {
	s := open(t)
	admin := s.admin(t)
	email := uuid.NewString() + "@example.com"
	account := s.mustRegister(t, email, password, "Amira")
	var session struct {
		AccessToken, TokenType, RefreshToken string
		ExpiresIn                            int
	}
	logIn := func(t *testing.T) {
		t.Helper()
		s.post(t, "/v1/sessions", map[string]any{"email": email, "password": password}).MustBe(t, http.StatusCreated).Into(t, &session)
	}
	refresh := func(t *testing.T) {
		t.Helper()
		s.post(t, "/v1/sessions/refresh", map[string]any{"refreshToken": session.RefreshToken}).MustBe(t, http.StatusCreated).Into(t, &session)
	}
	give := func(t *testing.T, role auth.Role) {
		t.Helper()
		s.do(t, functiontest.Request{Method: http.MethodPut, Path: "/v1/users/" + account.ID.String() + "/role", Token: admin, Body: map[string]any{"role": role}}).
			MustBe(t, http.StatusOK)
	}
	get := func(t *testing.T, path, token string) functiontest.Response {
		t.Helper()
		return s.do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: token})
	}
	mustBeRevoked := func(t *testing.T, token string) {
		t.Helper()
		for _, path := range operations {
			eventually(t, fmt.Sprintf("%s refuses the token", path), func() bool { return get(t, path, token).Status == http.StatusUnauthorized })
			get(t, path, token).MustBeProblem(t, http.StatusUnauthorized, "token_revoked")
		}
	}
	logIn(t)
	give(t, auth.Admin)
	refresh(t)
	for _, path := range operations {
		get(t, path, session.AccessToken).MustBe(t, http.StatusOK)
	}

	give(t, auth.Customer)
	mustBeRevoked(t, session.AccessToken)
	refresh(t)
	for i, status := range []int{http.StatusForbidden, http.StatusOK, http.StatusForbidden} {
		get(t, operations[i], session.AccessToken).MustBe(t, status)
	}

	s.do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/sessions/current", Token: session.AccessToken}).MustBe(t, http.StatusNoContent)
	mustBeRevoked(t, session.AccessToken)
	logIn(t)
	get(t, "/v1/orders", session.AccessToken).MustBe(t, http.StatusOK)
}
