package user

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/shared/manifest"
)

func TestGetKey(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, token := s.mustAdmin(t)
	want := s.mustCreateKey(t, token)
	var got Key
	s.key(t, s.Tokens.Staff(t, manifest.KeysRead), http.MethodGet, "/"+want.ID.String(), "", nil).MustBe(t, http.StatusOK).Into(t, &got)
	if diff := cmp.Diff(want.Key, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.key(t, token, http.MethodGet, "/"+uuid.NewString(), "", nil).MustBeProblem(t, http.StatusNotFound, "key_not_found")
}
