package user

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

// An account with an invalid stored role is treated as a customer. It can sign in, and a
// change of its role replaces the stored value.
func TestStoredRole(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, admin := s.mustAdmin(t)
	u := s.mustRegister(t, "ada@example.com")
	s.mustExec(t, `UPDATE user SET role = 'root' WHERE id = ?`, u.ID[:])

	token := s.mustSignIn(t, "ada@example.com").AccessToken
	var got User
	s.getMe(t, token).MustBe(t, http.StatusOK).Into(t, &got)
	if got != u || got.Role != auth.Customer {
		t.Errorf("got %+v, want %+v", got, u)
	}
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users", Token: token}).MustBeProblem(t, http.StatusForbidden, "forbidden")
	s.putRole(t, u.ID, admin, object{"role": "customer"}).MustBe(t, http.StatusOK).Into(t, &got)
	if stored := s.mustRole(t, u.ID); stored != "customer" || got != u {
		t.Errorf("stored is %s, got %+v", stored, got)
	}
}

func (s server) mustStoredRole(t *testing.T, id uuid.UUID) (columns roleColumns) {
	t.Helper()
	if err := s.DB.QueryRowContext(t.Context(), `SELECT role, staff_role FROM user WHERE id = ?`, id[:]).Scan(&columns.Former, &columns.Staff); err != nil {
		t.Fatal(err)
	}
	return columns
}

func (s server) mustRole(t *testing.T, id uuid.UUID) (role string) {
	t.Helper()
	if err := s.DB.QueryRowContext(t.Context(), `SELECT role FROM user WHERE id = ?`, id[:]).Scan(&role); err != nil {
		t.Fatal(err)
	}
	return role
}

// An account whose stored e-mail address is no longer valid can still be used.
func TestStoredEmail(t *testing.T) {
	t.Parallel()
	s := open(t)
	const email = "a..b@docomo.ne.jp"
	u := s.mustRegister(t, "ada@example.com")
	s.mustExec(t, `UPDATE user SET email = ?, email_key = ? WHERE id = ?`, email, email, u.ID[:])

	token := s.mustSignIn(t, email).AccessToken
	var got User
	s.Do(t, functiontest.Request{Method: http.MethodPatch, Path: "/v1/users/me", Token: token, Header: map[string]string{"If-Match": "*"},
		Body: object{"name": "Ada King"}}).MustBe(t, http.StatusOK).Into(t, &got)
	if got.Email != email || got.Name != "Ada King" {
		t.Errorf("got %+v", got)
	}
	s.post(t, "/v1/users", fixtures.Registration(email)).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	s.post(t, "/v1/password-resets", object{"email": email}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
}
