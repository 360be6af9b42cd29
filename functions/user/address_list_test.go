package user

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/api"
)

func TestListAddresses(t *testing.T) {
	t.Parallel()
	s := open(t)
	adas, bobs := s.mustOwner(t, "ada@example.com"), s.mustOwner(t, "bob@example.com")
	want := []Address{s.mustCreateAddress(t, adas), s.mustCreateAddress(t, adas), s.mustCreateAddress(t, adas)}
	slices.Reverse(want)
	s.mustCreateAddress(t, bobs)
	var first, second api.Page[Address]
	s.address(t, adas, http.MethodGet, "?pageSize=2", "", nil).MustBe(t, http.StatusOK).Into(t, &first)
	s.address(t, adas, http.MethodGet, "?pageSize=2&pageToken="+first.NextPageToken, "", nil).MustBe(t, http.StatusOK).Into(t, &second)
	if diff := cmp.Diff(want, slices.Concat(first.Items, second.Items)); diff != "" || second.NextPageToken != "" {
		t.Fatalf("last page token %q, the owner's addresses, newest first (-want +got):\n%s", second.NextPageToken, diff)
	}
	s.address(t, adas, http.MethodGet, "?pageToken=x", "", nil).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
}
