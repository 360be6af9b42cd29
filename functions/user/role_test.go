package user

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/shared/auth"
)

func TestSetRole(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	t.Run("a customer becomes an admin once", func(t *testing.T) {
		t.Parallel()
		for range 2 {
			if got := s.mustPutRole(t, ada.ID, auth.Admin); got.Role != auth.Admin || got.Version != 2 {
				t.Fatalf("got role %s, version %d; want admin, 2", got.Role, got.Version)
			}
		}
	})
	t.Run("only admins may change roles, and only of others", func(t *testing.T) {
		t.Parallel()
		_, customer := s.Tokens.Customer(t)
		body := object{"role": "customer"}
		s.putRole(t, ada.ID, "", body).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		s.putRole(t, ada.ID, customer, body).MustBeProblem(t, http.StatusForbidden, "forbidden")
		root, own := s.mustAdmin(t)
		s.putRole(t, root.ID, own, body).MustBeProblem(t, http.StatusConflict, "own_role")
		s.putRole(t, uuid.New(), own, body).MustBeProblem(t, http.StatusNotFound, "user_not_found")
		s.putRole(t, uuid.New(), own, object{"role": "owner"}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})
	t.Run("a caller who is no longer an admin is rejected", func(t *testing.T) {
		t.Parallel()
		former, token := s.mustAdmin(t)
		s.mustPutRole(t, former.ID, auth.Customer)
		for _, id := range []uuid.UUID{s.mustRegister(t, "accomplice@example.com").ID, uuid.New()} {
			s.putRole(t, id, token, object{"role": "admin"}).MustBeProblem(t, http.StatusForbidden, "forbidden")
		}
		s.putRole(t, ada.ID, s.Tokens.Admin(t), object{"role": "admin"}).MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
}

// One admin remains when several admins demote each other concurrently.
func TestSetRoleLeavesAnAdmin(t *testing.T) {
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
	if n := s.mustCount(t, `SELECT COUNT(*) FROM user WHERE role = 'admin'`); n != 1 {
		t.Fatalf("%d admins remain, want 1", n)
	}
}
