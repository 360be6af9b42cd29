package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

// adminPaths has a path that requires an admin in each service.
var adminPaths = []string{"/v1/products/export", "/v1/orders", "/v1/users"}

// TestRevokedTokens revokes tokens in a running system, where an event distributes the
// revocation: every service must refuse the old token and accept a new one.
func TestRevokedTokens(t *testing.T) {
	parallel(t)
	s := openSystem(t)
	admin := s.admin(t)
	email := uuid.NewString() + "@example.com"
	account := s.mustRegister(t, email, fixtures.Password, "Amira")
	var session struct {
		AccessToken, TokenType, RefreshToken string
		ExpiresIn                            int
	}
	logIn := func(t *testing.T) {
		t.Helper()
		s.post(t, "/v1/sessions", fixtures.Login(email, fixtures.Password)).MustBe(t, http.StatusCreated).Into(t, &session)
	}
	refresh := func(t *testing.T) {
		t.Helper()
		s.post(t, "/v1/sessions/refresh", map[string]any{"refreshToken": session.RefreshToken}).MustBe(t, http.StatusCreated).Into(t, &session)
	}
	setRole := func(t *testing.T, role auth.Role) {
		t.Helper()
		s.do(t, functiontest.Request{Method: http.MethodPut, Path: "/v1/users/" + account.ID.String() + "/role", Token: admin, Body: map[string]any{"role": role}}).
			MustBe(t, http.StatusOK)
	}
	get := func(t *testing.T, path, token string) functiontest.Response {
		t.Helper()
		return s.do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: token})
	}
	requireRevoked := func(t *testing.T, token string) {
		t.Helper()
		for _, path := range adminPaths {
			eventually(t, fmt.Sprintf("%s refuses the token", path), func() bool { return get(t, path, token).Status == http.StatusUnauthorized })
			get(t, path, token).MustBeProblem(t, http.StatusUnauthorized, "token_revoked")
		}
	}
	logIn(t)
	setRole(t, auth.Owner)
	refresh(t)
	for _, path := range adminPaths {
		get(t, path, session.AccessToken).MustBe(t, http.StatusOK)
	}

	setRole(t, auth.Customer)
	requireRevoked(t, session.AccessToken)
	refresh(t)
	for i, status := range []int{http.StatusForbidden, http.StatusOK, http.StatusForbidden} {
		get(t, adminPaths[i], session.AccessToken).MustBe(t, status)
	}

	s.do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/sessions/current", Token: session.AccessToken}).MustBe(t, http.StatusNoContent)
	requireRevoked(t, session.AccessToken)
	logIn(t)
	get(t, "/v1/orders", session.AccessToken).MustBe(t, http.StatusOK)
}
