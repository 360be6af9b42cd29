package user

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/api"
)

func TestListKeys(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, token := s.mustAdmin(t)
	var want []Key
	for range 3 {
		want = append(want, s.mustCreateKey(t, token).Key)
	}
	slices.Reverse(want)
	var first, second api.Page[Key]
	s.key(t, token, http.MethodGet, "?pageSize=2", "", nil).MustBe(t, http.StatusOK).Into(t, &first)
	s.key(t, token, http.MethodGet, "?pageSize=2&pageToken="+first.NextPageToken, "", nil).MustBe(t, http.StatusOK).Into(t, &second)
	if diff := cmp.Diff(want, slices.Concat(first.Items, second.Items)); diff != "" || second.NextPageToken != "" {
		t.Errorf("last page token %q, the keys, newest first (-want +got):\n%s", second.NextPageToken, diff)
	}
	s.key(t, token, http.MethodGet, "?pageToken=x", "", nil).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
}
