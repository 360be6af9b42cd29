package user

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/api"
	"souk/shared/function/functiontest"
)

func TestList(t *testing.T) {
	t.Parallel()
	s := open(t)
	var want []User
	for _, name := range []string{"a", "b", "c"} {
		want = append([]User{s.mustRegister(t, name+"@example.com")}, want...)
	}
	list := func(t *testing.T, token, query string) functiontest.Response {
		t.Helper()
		return s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users" + query, Token: token})
	}
	t.Run("an admin gets all accounts in pages, newest first", func(t *testing.T) {
		t.Parallel()
		admin := s.Tokens.Admin(t)
		var first, second api.Page[User]
		list(t, admin, "?pageSize=2").MustBe(t, http.StatusOK).Into(t, &first)
		list(t, admin, "?pageSize=2&pageToken="+first.NextPageToken).MustBe(t, http.StatusOK).Into(t, &second)
		if diff := cmp.Diff(want, append(first.Items, second.Items...)); diff != "" || second.NextPageToken != "" {
			t.Fatalf("last page token %q, accounts (-want +got):\n%s", second.NextPageToken, diff)
		}
		list(t, admin, "?pageToken=x").MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})
	t.Run("only admins may list accounts", func(t *testing.T) {
		t.Parallel()
		_, customer := s.Tokens.Customer(t)
		list(t, "", "").MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		list(t, customer, "").MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
}
