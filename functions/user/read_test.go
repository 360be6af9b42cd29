package user

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

func TestRead(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := s.mustRegister(t, "ada@example.com")
	token := s.Token(t, auth.Principal{UserID: u.ID, Role: auth.Customer})
	first, second := s.mustCreateAddress(t, token), s.mustCreateAddress(t, token)
	s.mustCreateAddress(t, s.mustOwner(t, "bob@example.com"))
	read := func(t *testing.T, token, id string) functiontest.Response {
		t.Helper()
		return s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users/" + id, Token: token})
	}
	var got accountDetails
	read(t, s.Tokens.Admin(t), u.ID.String()).MustBe(t, http.StatusOK).Into(t, &got)
	if diff := cmp.Diff(accountDetails{User: u, Addresses: []Address{second, first}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	read(t, s.Tokens.Admin(t), uuid.NewString()).MustBeProblem(t, http.StatusNotFound, "user_not_found")
	read(t, s.Tokens.Admin(t), "you").MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	read(t, token, u.ID.String()).MustBeProblem(t, http.StatusForbidden, "forbidden")
	read(t, "", u.ID.String()).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
}
