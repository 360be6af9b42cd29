package user

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

func (s server) deleteRole(t *testing.T, token, etag string, id uuid.UUID) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/roles/" + id.String(), Token: token, Header: map[string]string{"If-Match": etag}})
}

func TestRoleDelete(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, owner := s.mustAdmin(t)
	t.Run("a role is deleted when no account has it", func(t *testing.T) {
		t.Parallel()
		r := s.mustCreateRole(t, manifest.OrdersRead)
		u, _ := s.mustHold(t, r)
		s.deleteRole(t, owner, `"2"`, r.ID).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
		s.deleteRole(t, owner, "*", r.ID).MustBeProblem(t, http.StatusConflict, "role_in_use")
		s.mustPutRole(t, u.ID, auth.Customer)
		s.deleteRole(t, owner, `"1"`, r.ID).MustBe(t, http.StatusNoContent)
		s.deleteRole(t, owner, "*", r.ID).MustBeProblem(t, http.StatusNotFound, "role_not_found")
		s.putRole(t, u.ID, owner, object{"role": r.Name}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		s.createRole(t, owner, string(r.Name), manifest.OrdersWrite).MustBe(t, http.StatusCreated)
	})
	t.Run("a caller cannot delete a role with permissions that it lacks", func(t *testing.T) {
		t.Parallel()
		_, hr := s.mustHold(t, s.mustCreateRole(t, manifest.StaffWrite))
		r := s.mustCreateRole(t, manifest.OrdersRead)
		s.deleteRole(t, hr, "*", r.ID).MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
	t.Run("no account has a role that was deleted concurrently", func(t *testing.T) {
		t.Parallel()
		for range 8 {
			r := s.mustCreateRole(t, manifest.OrdersRead)
			u, _ := s.mustStaff(t, auth.Customer)
			_, other := s.mustAdmin(t)
			var all sync.WaitGroup
			var deleted, given int
			all.Go(func() { deleted = s.deleteRole(t, owner, "*", r.ID).Status })
			all.Go(func() { given = s.putRole(t, u.ID, other, object{"role": r.Name}).Status })
			all.Wait()
			results := [2]int{deleted, given}
			if results != [2]int{http.StatusNoContent, http.StatusBadRequest} && results != [2]int{http.StatusConflict, http.StatusOK} {
				t.Errorf("deleted: %d, given: %d", deleted, given)
			}
		}
	})
}
