package user

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/shared/auth"
)

func TestGetAddress(t *testing.T) {
	t.Parallel()
	s := open(t)
	token := s.mustOwner(t, "ada@example.com")

	t.Run("an address is returned with its version as ETag", func(t *testing.T) {
		t.Parallel()
		want := s.mustCreateAddress(t, token)
		var a Address
		got := s.address(t, token, http.MethodGet, "/"+want.ID.String(), "", nil).MustBe(t, http.StatusOK)
		got.Into(t, &a)
		if diff := cmp.Diff(want, a); diff != "" || got.Header.Get("ETag") != `"1"` {
			t.Errorf("ETag %s, address (-want +got):\n%s", got.Header.Get("ETag"), diff)
		}
	})
	t.Run("an unknown address is not found", func(t *testing.T) {
		t.Parallel()
		s.address(t, token, http.MethodGet, "/"+uuid.NewString(), "", nil).MustBeProblem(t, http.StatusNotFound, "address_not_found")
	})
	t.Run("a caller without an account is rejected", func(t *testing.T) {
		t.Parallel()
		path := "/" + s.mustCreateAddress(t, token).ID.String()
		s.address(t, "", http.MethodGet, path, "", nil).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		missing := s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer})
		s.address(t, missing, http.MethodGet, path, "", nil).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}
