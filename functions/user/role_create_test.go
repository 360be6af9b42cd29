package user

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

func (s server) createRole(t *testing.T, token, name string, permissions ...manifest.Permission) functiontest.Response {
	t.Helper()
	if permissions == nil {
		permissions = []manifest.Permission{}
	}
	return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/roles", Token: token, Body: object{"name": name, "permissions": permissions}})
}

// mustCreateRole creates a role as an owner.
func (s server) mustCreateRole(t *testing.T, permissions ...manifest.Permission) StaffRole {
	t.Helper()
	var r StaffRole
	_, owner := s.mustAdmin(t)
	s.createRole(t, owner, "r-"+uuid.NewString()[:18], permissions...).MustBe(t, http.StatusCreated).Into(t, &r)
	return r
}

// mustHold creates an account with a role and returns it with an access token that is not revoked
// when the role changes: see unrevokedToken.
func (s server) mustHold(t *testing.T, r StaffRole) (User, string) {
	t.Helper()
	u, _ := s.mustStaff(t, auth.Customer)
	u = s.mustPutRole(t, u.ID, r.Name)
	return u, s.unrevokedToken(t, s.Token(t, auth.Principal{UserID: u.ID, Role: r.Name, Permissions: r.set()}))
}

func TestRoleCreate(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, owner := s.mustAdmin(t)
	t.Run("a role has its permissions in the order of their definition", func(t *testing.T) {
		t.Parallel()
		response := s.createRole(t, owner, "night-shift", manifest.StockWrite, manifest.ProductsRead)
		var r StaffRole
		response.MustBe(t, http.StatusCreated).Into(t, &r)
		if r.Name != "night-shift" || r.BuiltIn || r.Version != 1 || !slices.Equal(r.Permissions, []manifest.Permission{manifest.ProductsRead, manifest.StockWrite}) {
			t.Errorf("got %+v", r)
		}
		if response.Header.Get("Location") != "/v1/roles/"+r.ID.String() || response.Header.Get("ETag") != `"1"` {
			t.Errorf("the headers are %v", response.Header)
		}
		s.createRole(t, owner, "night-shift").MustBeProblem(t, http.StatusConflict, "role_exists")
	})
	t.Run("names of other roles and malformed names are refused", func(t *testing.T) {
		t.Parallel()
		for _, role := range auth.BuiltInRoles() {
			s.createRole(t, owner, string(role)).MustBeProblem(t, http.StatusConflict, "role_exists")
		}
		for _, name := range []string{"customer", "guest", "key", "admin", "", "Night", "night shift", "-night", "night-", "night--shift", "2nd", "naïve", strings.Repeat("n", 33)} {
			s.createRole(t, owner, name).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
	t.Run("unknown and repeated permissions are refused", func(t *testing.T) {
		t.Parallel()
		s.createRole(t, owner, "burner", "orders.burn").MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		s.createRole(t, owner, "burner", manifest.OrdersRead, manifest.OrdersRead).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})
	t.Run("a caller cannot give permissions that it lacks", func(t *testing.T) {
		t.Parallel()
		_, hr := s.mustHold(t, s.mustCreateRole(t, manifest.StaffWrite, manifest.OrdersRead))
		s.createRole(t, hr, "refunder", manifest.OrdersRead, manifest.RefundsWrite).MustBeProblem(t, http.StatusForbidden, "forbidden")
		s.createRole(t, hr, "reader", manifest.OrdersRead).MustBe(t, http.StatusCreated)
	})
	t.Run("a caller without the permission in the database is refused", func(t *testing.T) {
		t.Parallel()
		former, token := s.mustAdmin(t)
		s.mustPutRole(t, former.ID, auth.Support)
		s.createRole(t, token, "late", manifest.OrdersRead).MustBeProblem(t, http.StatusForbidden, "forbidden")
		s.createRole(t, s.Tokens.Admin(t), "ghost", manifest.OrdersRead).MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
}

func TestRoleCreateLimit(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, owner := s.mustAdmin(t)
	for range maxStaffRoles {
		s.mustCreateRole(t)
	}
	s.createRole(t, owner, "one-too-many").MustBeProblem(t, http.StatusConflict, "too_many_roles")
}
