package user

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/apikey"
)

func TestRevokeKey(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, token := s.mustAdmin(t)
	revoked, other := s.mustCreateKey(t, token), s.mustCreateKey(t, token)
	path := "/" + revoked.ID.String()
	s.key(t, token, http.MethodDelete, path, "", nil).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
	s.key(t, token, http.MethodDelete, path, `"2"`, nil).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
	s.requireKey(t, revoked.Secret, true)
	// A caller who may not create a secret of the key may still revoke it.
	s.key(t, s.limited(t), http.MethodDelete, path, `"1"`, nil).MustBe(t, http.StatusNoContent)
	s.requireKey(t, revoked.Secret, false)
	s.requireKey(t, other.Secret, true)
	for _, got := range []int{
		s.key(t, token, http.MethodDelete, path, "*", nil).Status, s.key(t, token, http.MethodGet, path, "", nil).Status,
		s.key(t, token, http.MethodPatch, path, "*", object{"name": "x"}).Status,
		s.key(t, token, http.MethodPost, path+"/rotate", "", object{}).Status,
	} {
		if got != http.StatusNotFound {
			t.Errorf("an operation on a revoked key has status %d, want 404", got)
		}
	}
	events := s.mustFindKeyEvents(t, revoked.ID)
	want := apikey.Changed{KeyID: revoked.ID, Version: 2, Revoked: true}
	if len(events) != 2 || !cmp.Equal(want, events[1]) {
		t.Errorf("the events are %+v, want %+v at the end", events, want)
	}
}
