package user

import (
	"net/http"
	"slices"
	"testing"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

func TestRoleList(t *testing.T) {
	t.Parallel()
	s := open(t)
	want := auth.BuiltInRoles()
	for range 4 {
		want = append(want, s.mustCreateRole(t, manifest.OrdersRead).Name)
	}
	slices.Sort(want)
	for _, size := range []string{"1", "2", "100"} {
		var got []auth.Role
		for token, pages := "", 0; pages == 0 || token != ""; pages++ {
			var page api.Page[StaffRole]
			s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/roles?pageSize=" + size + "&pageToken=" + token, Token: s.Tokens.Admin(t)}).
				MustBe(t, http.StatusOK).Into(t, &page)
			for _, r := range page.Items {
				permissions, builtIn := r.Name.BuiltIn()
				if r.BuiltIn != builtIn || builtIn && r.set() != permissions || !builtIn && (r.set() != manifest.NewPermissionSet(manifest.OrdersRead) || r.Version != 1) {
					t.Errorf("got %+v", r)
				}
				got = append(got, r.Name)
			}
			token = page.NextPageToken
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %s: got %v, want %v", size, got, want)
		}
	}
}
