package user

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/manifest"
)

func TestSetRole(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	t.Run("a customer becomes an owner once", func(t *testing.T) {
		t.Parallel()
		for range 2 {
			if got := s.mustPutRole(t, ada.ID, auth.Owner); got.Role != auth.Owner || got.Version != 2 {
				t.Fatalf("got role %s, version %d; want owner, 2", got.Role, got.Version)
			}
		}
	})
	t.Run("only staff may change roles, and only of others", func(t *testing.T) {
		t.Parallel()
		_, customer := s.Tokens.Customer(t)
		body := object{"role": "customer"}
		s.putRole(t, ada.ID, "", body).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		s.putRole(t, ada.ID, customer, body).MustBeProblem(t, http.StatusForbidden, "forbidden")
		root, own := s.mustAdmin(t)
		s.putRole(t, root.ID, own, body).MustBeProblem(t, http.StatusConflict, "own_role")
		s.putRole(t, uuid.New(), own, body).MustBeProblem(t, http.StatusNotFound, "user_not_found")
		for _, unknown := range []string{"admin", "guest", "key", "night-shift", "Support", ""} {
			s.putRole(t, ada.ID, own, object{"role": unknown}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
	t.Run("a caller who is no longer an owner is rejected", func(t *testing.T) {
		t.Parallel()
		former, token := s.mustAdmin(t)
		s.mustPutRole(t, former.ID, auth.Customer)
		for _, id := range []uuid.UUID{s.mustRegister(t, "accomplice@example.com").ID, uuid.New()} {
			s.putRole(t, id, token, object{"role": "owner"}).MustBeProblem(t, http.StatusForbidden, "forbidden")
		}
		s.putRole(t, ada.ID, s.Tokens.Admin(t), object{"role": "owner"}).MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
}

// One owner remains when several owners demote each other concurrently.
func TestSetRoleLeavesAnOwner(t *testing.T) {
	t.Parallel()
	s := open(t)
	tokens := map[uuid.UUID]string{}
	for range 4 {
		u, token := s.mustAdmin(t)
		tokens[u.ID] = token
	}
	var wg sync.WaitGroup
	for caller, token := range tokens {
		for id := range tokens {
			if id == caller {
				continue
			}
			wg.Go(func() {
				if got := s.putRole(t, id, token, object{"role": "customer"}); got.Status != http.StatusOK {
					got.MustBeProblem(t, http.StatusForbidden, "forbidden")
				}
			})
		}
	}
	wg.Wait()
	if n := s.mustCount(t, `SELECT COUNT(*) FROM user WHERE role = 'admin' AND staff_role = 'owner'`); n != 1 {
		t.Fatalf("%d owners remain, want 1", n)
	}
}

// Staff of every role that every shop has try to change accounts of every role to every role.
func TestSetRoleGrantsNoMoreThanTheCallerHas(t *testing.T) {
	t.Parallel()
	s := open(t)
	roles := append(auth.BuiltInRoles(), auth.Customer)
	for _, caller := range auth.BuiltInRoles() {
		_, token := s.mustStaff(t, caller)
		own, _ := caller.BuiltIn()
		for _, from := range roles {
			for _, to := range roles {
				u, _ := s.mustStaff(t, from)
				before, _ := from.BuiltIn()
				after, _ := to.BuiltIn()
				allowed := own.Has(manifest.StaffWrite) && (before|after).Without(own) == 0
				got := s.putRole(t, u.ID, token, object{"role": to})
				if !allowed {
					got.MustBeProblem(t, http.StatusForbidden, "forbidden")
				} else if got.MustBe(t, http.StatusOK); s.mustStoredRole(t, u.ID) != newRoleColumns(to) {
					t.Errorf("%s changed %s to %s, and it is %+v", caller, from, to, s.mustStoredRole(t, u.ID))
				}
			}
		}
	}
}

// The release before reads and writes the column role alone.
func TestRoleColumns(t *testing.T) {
	t.Parallel()
	for columns, want := range map[roleColumns]auth.Role{
		{"customer", ""}: auth.Customer, {"admin", "owner"}: auth.Owner, {"customer", "support"}: auth.Support, {"customer", "night-shift"}: "night-shift",
		// Changed by the release before.
		{"admin", ""}: auth.Owner, {"admin", "support"}: auth.Owner, {"customer", "owner"}: auth.Customer,
		// Values that are not roles.
		{"root", ""}: auth.Customer, {"root", "support"}: auth.Support, {"customer", "admin"}: auth.Customer, {"customer", "guest"}: auth.Customer, {"customer", "Night Shift"}: auth.Customer,
	} {
		if got := columns.role(); got != want {
			t.Errorf("%+v is %s, want %s", columns, got, want)
		}
	}
	for _, role := range append(auth.BuiltInRoles(), auth.Customer, "night-shift") {
		if got := newRoleColumns(role).role(); got != role {
			t.Errorf("%s is stored as %+v, and read as %s", role, newRoleColumns(role), got)
		}
	}
}
