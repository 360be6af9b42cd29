package user

import (
	"net/http"
	"slices"
	"testing"

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
	if got := slices.Concat(first.Items, second.Items); !slices.Equal(got, want) || second.NextPageToken != "" {
		t.Fatalf("got %+v, want the owner's, newest first: %+v", got, want)
	}
	s.address(t, adas, http.MethodGet, "?pageToken=x", "", nil).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
}
