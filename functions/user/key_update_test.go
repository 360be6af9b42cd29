package user

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestUpdateKey(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, token := s.mustAdmin(t)

	t.Run("only the fields that are sent change, and the secret remains", func(t *testing.T) {
		t.Parallel()
		before := s.mustCreateKey(t, token)
		path := "/" + before.ID.String()
		var after, stored Key
		s.key(t, token, http.MethodPatch, path, `"1"`, object{"name": "ERP", "ratePerMinute": 120}).MustBe(t, http.StatusOK).Into(t, &after)
		want := before.Key
		want.Name, want.RatePerMinute, want.Version, want.UpdatedAt = "ERP", 120, 2, after.UpdatedAt
		if diff := cmp.Diff(want, after); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		s.key(t, token, http.MethodGet, path, "", nil).MustBe(t, http.StatusOK).Into(t, &stored)
		if diff := cmp.Diff(after, stored); diff != "" {
			t.Errorf("(-response +stored):\n%s", diff)
		}
		s.requireKey(t, before.Secret, true)
		s.key(t, token, http.MethodPatch, path, `"2"`, object{"name": "ERP"}).MustBe(t, http.StatusOK).Into(t, &stored)
		if stored.Version != 2 {
			t.Error("a change of nothing increases the version")
		}
		s.key(t, token, http.MethodPatch, path, `"1"`, object{"name": "x"}).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
		s.key(t, token, http.MethodPatch, path, "", object{"name": "x"}).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
	})
	t.Run("networks are replaced and removed", func(t *testing.T) {
		t.Parallel()
		k := s.mustCreateKey(t, token)
		path := "/" + k.ID.String()
		s.requireKey(t, k.Secret, true)
		s.key(t, token, http.MethodPatch, path, "*", object{"networks": []string{"198.51.100.0/24"}}).MustBe(t, http.StatusOK)
		s.key(t, k.Secret, http.MethodGet, "", "", nil).MustBeProblem(t, http.StatusForbidden, "network_not_allowed")
		s.key(t, token, http.MethodPatch, path, "*", object{"networks": nil}).MustBe(t, http.StatusOK)
		s.requireKey(t, k.Secret, true)
	})
	t.Run("invalid fields, other fields and missing keys are rejected", func(t *testing.T) {
		t.Parallel()
		path := "/" + s.mustCreateKey(t, token).ID.String()
		for _, body := range []object{
			{"name": ""}, {"name": nil}, {"ratePerMinute": 0}, {"ratePerMinute": nil}, {"networks": []string{"x"}}, {"scopes": []string{"orders.write"}},
			{"expiresAt": "2099-01-01T00:00:00Z"},
		} {
			s.key(t, token, http.MethodPatch, path, "*", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		s.key(t, token, http.MethodPatch, "/"+uuid.NewString(), "*", object{"name": "x"}).MustBeProblem(t, http.StatusNotFound, "key_not_found")
	})
	t.Run("a caller without the permissions of the key is refused", func(t *testing.T) {
		t.Parallel()
		path := "/" + s.mustCreateKey(t, token).ID.String()
		s.key(t, s.limited(t), http.MethodPatch, path, "*", object{"networks": nil}).MustBeProblem(t, http.StatusForbidden, "scope_exceeds_role")
	})
}
