package user

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/address"
)

func TestUpdateAddress(t *testing.T) {
	t.Parallel()
	s := open(t)
	token := s.mustOwner(t, "ada@example.com")

	t.Run("only the fields that are sent change", func(t *testing.T) {
		t.Parallel()
		before := s.mustCreateAddress(t, token)
		path := "/" + before.ID.String()
		var after, stored Address
		s.address(t, token, http.MethodPatch, path, `"1"`, object{"city": "Bonn", "line2": ""}).MustBe(t, http.StatusOK).Into(t, &after)
		want := before
		want.City, want.Line2, want.Version, want.UpdatedAt = "Bonn", "", 2, after.UpdatedAt
		if diff := cmp.Diff(want, after); diff != "" || !after.UpdatedAt.After(before.UpdatedAt) {
			t.Fatalf("updated at %v and %v, address (-want +got):\n%s", before.UpdatedAt, after.UpdatedAt, diff)
		}
		s.address(t, token, http.MethodGet, path, "", nil).MustBe(t, http.StatusOK).Into(t, &stored)
		if diff := cmp.Diff(after, stored); diff != "" {
			t.Fatalf("(-response +stored):\n%s", diff)
		}
		var bare Address
		cleared := object{"line2": "", "company": nil, "postalCode": nil, "region": "", "phone": nil}
		s.address(t, token, http.MethodPatch, path, `"2"`, cleared).MustBe(t, http.StatusOK).Into(t, &bare)
		if diff := cmp.Diff(address.PostalAddress{Name: before.Name, Line1: before.Line1, City: "Bonn", Country: "DE"}, bare.PostalAddress); diff != "" {
			t.Fatalf("address (-want +got):\n%s", diff)
		}
		s.address(t, token, http.MethodPatch, path, `"1"`, object{"city": "Köln"}).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
		s.address(t, token, http.MethodPatch, path, "", object{"city": "Köln"}).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
	})
	t.Run("invalid fields are rejected", func(t *testing.T) {
		t.Parallel()
		path := "/" + s.mustCreateAddress(t, token).ID.String()
		for _, body := range []object{{"name": ""}, {"name": " "}, {"city": "a\nb"}, {"country": "de"}, {"country": "AN"}, {"country": "XK"}, {"phone": "+49"}, {"city": nil}, {"country": nil}, {"planet": "Earth"}} {
			s.address(t, token, http.MethodPatch, path, "*", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
}
