package user

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/user/internal/password/passwordhash"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

func (s server) updateRole(t *testing.T, token, etag string, id uuid.UUID, permissions ...manifest.Permission) functiontest.Response {
	t.Helper()
	if permissions == nil {
		permissions = []manifest.Permission{}
	}
	return s.Do(t, functiontest.Request{
		Method: http.MethodPatch, Path: "/v1/roles/" + id.String(), Token: token, Header: map[string]string{"If-Match": etag}, Body: object{"permissions": permissions},
	})
}

// revocations returns the number of revocations of all tokens of an account that were published.
func (s server) revocations(id uuid.UUID) (n int) {
	for _, e := range s.Published.Events("access-revoked") {
		if e.AggregateID == id {
			n++
		}
	}
	return n
}

func TestRoleUpdate(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, owner := s.mustAdmin(t)
	t.Run("the tokens of all accounts with the role are revoked, and a refresh has the new permissions", func(t *testing.T) {
		t.Parallel()
		r, other := s.mustCreateRole(t, manifest.OrdersRead), s.mustCreateRole(t, manifest.OrdersRead)
		ada := s.mustRegister(t, "ada@example.com")
		s.mustPutRole(t, ada.ID, r.Name)
		bob, _ := s.mustHold(t, r)
		eve, _ := s.mustHold(t, other)
		session := s.mustSignIn(t, ada.Email)
		before := map[uuid.UUID]int{ada.ID: s.revocations(ada.ID), bob.ID: s.revocations(bob.ID), eve.ID: s.revocations(eve.ID)}
		users := functiontest.Request{Method: http.MethodGet, Path: "/v1/users", Token: session.AccessToken}
		s.Do(t, users).MustBeProblem(t, http.StatusForbidden, "forbidden")

		var changed StaffRole
		s.updateRole(t, owner, `"1"`, r.ID, manifest.CustomersRead).MustBe(t, http.StatusOK).Into(t, &changed)
		if changed.Version != 2 || changed.set() != manifest.NewPermissionSet(manifest.CustomersRead) {
			t.Errorf("got %+v", changed)
		}
		s.updateRole(t, owner, `"2"`, r.ID, manifest.CustomersRead).MustBe(t, http.StatusOK).Into(t, &changed)
		if changed.Version != 2 {
			t.Errorf("an equal set of permissions is version %d", changed.Version)
		}
		for id, want := range map[uuid.UUID]int{ada.ID: 1, bob.ID: 1, eve.ID: 0} {
			if got := s.revocations(id) - before[id]; got != want {
				t.Errorf("%d revocations were published, want %d", got, want)
			}
		}
		s.Do(t, users).MustBeProblem(t, http.StatusUnauthorized, "token_revoked")
		var refreshed tokens
		s.post(t, "/v1/sessions/refresh", object{"refreshToken": session.RefreshToken}).MustBe(t, http.StatusCreated).Into(t, &refreshed)
		users.Token = refreshed.AccessToken
		s.Do(t, users).MustBe(t, http.StatusOK)
	})
	t.Run("a stale version, unknown roles and unknown permissions are refused", func(t *testing.T) {
		t.Parallel()
		r := s.mustCreateRole(t, manifest.OrdersRead)
		s.updateRole(t, owner, `"2"`, r.ID, manifest.OrdersWrite).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
		s.updateRole(t, owner, "", r.ID, manifest.OrdersWrite).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
		s.updateRole(t, owner, "*", uuid.New(), manifest.OrdersWrite).MustBeProblem(t, http.StatusNotFound, "role_not_found")
		s.updateRole(t, owner, "*", r.ID, "orders.burn").MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})
	t.Run("a caller can neither give nor take away permissions that it lacks", func(t *testing.T) {
		t.Parallel()
		own := s.mustCreateRole(t, manifest.StaffWrite, manifest.OrdersRead)
		_, hr := s.mustHold(t, own)
		refunder := s.mustCreateRole(t, manifest.OrdersRead, manifest.RefundsWrite)
		s.updateRole(t, hr, "*", refunder.ID, manifest.OrdersRead).MustBeProblem(t, http.StatusForbidden, "forbidden")
		s.updateRole(t, hr, "*", refunder.ID, manifest.RefundsWrite).MustBe(t, http.StatusOK)
		s.updateRole(t, hr, "*", own.ID, manifest.StaffWrite, manifest.OrdersRead, manifest.OrdersWrite).MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
}

// Accounts with a role sign in while it changes: a token that is valid afterwards has the new
// permissions.
func TestSignInDuringRoleUpdate(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, owner := s.mustAdmin(t)
	r := s.mustCreateRole(t, manifest.CustomersRead)
	u := s.mustRegister(t, "ada@example.com")
	s.mustPutRole(t, u.ID, r.Name)
	var all sync.WaitGroup
	issued := make(chan string, 8)
	all.Go(func() { s.updateRole(t, owner, "*", r.ID, manifest.OrdersRead).MustBe(t, http.StatusOK) })
	for range cap(issued) {
		all.Go(func() {
			var got tokens
			response := s.post(t, "/v1/sessions", fixtures.Login(u.Email, fixtures.Password))
			response.MustBe(t, http.StatusCreated).Into(t, &got)
			issued <- got.AccessToken
		})
	}
	all.Wait()
	close(issued)
	for token := range issued {
		if got := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users", Token: token}); got.Status != http.StatusUnauthorized && got.Status != http.StatusForbidden {
			t.Errorf("a token with permissions that were taken away is valid: %d", got.Status)
		}
	}
}

// The tokens of as many accounts as can have a role are revoked by one change.
func TestRoleUpdateWithManyHolders(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, owner := s.mustAdmin(t)
	r := s.mustCreateRole(t, manifest.OrdersRead)
	var last User
	for range maxHolders {
		u, err := newUser(uuid.NewString()+"@example.com", "Many", r.Name, time.Now().UTC())
		if err != nil {
			t.Fatal(err)
		}
		if err := insertUser(t.Context(), s.DB, u, passwordhash.Placeholder()); err != nil {
			t.Fatal(err)
		}
		last = u
	}
	one, _ := s.mustStaff(t, auth.Customer)
	s.putRole(t, one.ID, owner, object{"role": r.Name}).MustBeProblem(t, http.StatusConflict, "too_many_holders")
	token := s.Token(t, auth.Principal{UserID: last.ID, Role: r.Name, Permissions: r.set(), RightsVersion: 1})
	s.getMe(t, token).MustBe(t, http.StatusOK)
	s.updateRole(t, owner, "*", r.ID).MustBe(t, http.StatusOK)
	s.getMe(t, token).MustBeProblem(t, http.StatusUnauthorized, "token_revoked")
	if n := s.mustCount(t, `SELECT COUNT(*) FROM user WHERE staff_role = ? AND rights_version = 2`, r.Name); n != maxHolders {
		t.Errorf("the tokens of %d accounts are revoked, want %d", n, maxHolders)
	}
}
