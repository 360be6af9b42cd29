package user

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

func (s server) refresh(t *testing.T, token string) functiontest.Response {
	t.Helper()
	return s.post(t, "/v1/sessions/refresh", object{"refreshToken": token})
}

func (s server) mustRefresh(t *testing.T, token string) tokens {
	t.Helper()
	var issued tokens
	s.refresh(t, token).MustBe(t, http.StatusCreated).Into(t, &issued)
	return issued
}

func (s server) mustBeSpent(t *testing.T, token string) {
	t.Helper()
	s.refresh(t, token).MustBeProblem(t, http.StatusUnauthorized, "invalid_refresh_token")
}

func TestRefreshSession(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")

	t.Run("gives new tokens of the same login, again and again", func(t *testing.T) {
		t.Parallel()
		issued := s.mustSignIn(t, "ada@example.com")
		for range 3 {
			next := s.mustRefresh(t, issued.RefreshToken)
			if next.RefreshToken == issued.RefreshToken {
				t.Fatal("the refresh token is the same")
			}
			var me User
			s.getMe(t, next.AccessToken).MustBe(t, http.StatusOK).Into(t, &me)
			if me != ada {
				t.Fatalf("the token is for %+v, want %+v", me, ada)
			}
			issued = next
		}
	})
	t.Run("ends the login whose token is sent twice, and no other", func(t *testing.T) {
		t.Parallel()
		other := s.mustSignIn(t, "ada@example.com")
		first := s.mustSignIn(t, "ada@example.com")
		second := s.mustRefresh(t, first.RefreshToken)
		third := s.mustRefresh(t, second.RefreshToken)
		s.mustBeSpent(t, first.RefreshToken)
		s.mustBeSpent(t, second.RefreshToken)
		s.mustBeSpent(t, third.RefreshToken)
		s.mustRefresh(t, other.RefreshToken)
	})
	t.Run("refuses a token that has expired", func(t *testing.T) {
		t.Parallel()
		old, token, err := newSession(ada.ID, time.Now().UTC().Add(-sessionTTL))
		if err != nil {
			t.Fatal(err)
		}
		if inserted, err := insertSession(t.Context(), s.DB, old, 1); err != nil || !inserted {
			t.Fatalf("got %t, %v", inserted, err)
		}
		s.mustBeSpent(t, token)
	})
	t.Run("refuses what is no refresh token", func(t *testing.T) {
		t.Parallel()
		s.mustBeSpent(t, "guess")
		got := s.refresh(t, "guess")
		if got.Header.Get("WWW-Authenticate") == "" {
			t.Error("a 401 without WWW-Authenticate")
		}
		for _, body := range []any{object{}, object{"refreshToken": ""}, object{"refreshToken": 7}, object{"refreshToken": "x", "role": "admin"}} {
			s.post(t, "/v1/sessions/refresh", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
	t.Run("signs a stored value that is not a role as a customer's", func(t *testing.T) {
		t.Parallel()
		cid := s.mustRegister(t, "cid@example.com")
		issued := s.mustSignIn(t, cid.Email)
		s.mustExec(t, `UPDATE user SET role = 'root' WHERE id = ?`, cid.ID[:])
		refreshed := s.mustRefresh(t, issued.RefreshToken)
		s.getMe(t, refreshed.AccessToken).MustBe(t, http.StatusOK)
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users", Token: refreshed.AccessToken}).MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
	t.Run("knows a role that has changed", func(t *testing.T) {
		t.Parallel()
		bea := s.mustRegister(t, "bea@example.com")
		issued := s.mustSignIn(t, "bea@example.com")
		s.mustPutRole(t, bea.ID, auth.Admin)
		promoted := s.mustRefresh(t, issued.RefreshToken)
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users", Token: promoted.AccessToken}).MustBe(t, http.StatusOK)
	})
}

// Fifty clients with one token: the first starts a lineage, and the second ends
// it for all. Whatever their order, not two tokens of the family are good.
func TestRefreshSessionRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	issued := s.mustSignIn(t, ada.Email)
	won := make(chan string, 50)
	var refused atomic.Int64
	var wg sync.WaitGroup
	for range cap(won) {
		wg.Go(func() {
			switch got := s.refresh(t, issued.RefreshToken); got.Status {
			case http.StatusCreated:
				var next tokens
				got.Into(t, &next)
				won <- next.RefreshToken
			case http.StatusUnauthorized:
				refused.Add(1)
			default:
				t.Errorf("got status %d: %s", got.Status, got.Body)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 || refused.Load() != 49 {
		t.Fatalf("%d refreshes of one token succeeded and %d were refused, want 1 and 49", len(won), refused.Load())
	}
	s.mustBeSpent(t, <-won)
	if n := s.mustCount(t, `SELECT COUNT(*) FROM session WHERE user_id = ?`, ada.ID[:]); n != 0 {
		t.Fatalf("%d sessions are left of a login that was revoked", n)
	}
}

func TestDeleteSession(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustRegister(t, "ada@example.com")
	signOut := func(t *testing.T, token string) functiontest.Response {
		t.Helper()
		return s.Do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/sessions/current", Token: token})
	}
	t.Run("ends the caller's login and no other", func(t *testing.T) {
		t.Parallel()
		other, mine := s.mustSignIn(t, "ada@example.com"), s.mustSignIn(t, "ada@example.com")
		next := s.mustRefresh(t, mine.RefreshToken)
		for range 2 { // what is gone is gone
			signOut(t, next.AccessToken).MustBe(t, http.StatusNoContent)
		}
		s.mustBeSpent(t, next.RefreshToken)
		s.mustRefresh(t, other.RefreshToken)
	})
	t.Run("is for who has a login", func(t *testing.T) {
		t.Parallel()
		signOut(t, "").MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		signOut(t, s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer})).
			MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}

// A refresh that is on its way when its login ends must not leave a new token.
func TestDeleteSessionRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	for range 10 {
		issued := s.mustSignIn(t, ada.Email)
		var wg sync.WaitGroup
		wg.Go(func() { s.refresh(t, issued.RefreshToken) })
		wg.Go(func() {
			s.Do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/sessions/current", Token: issued.AccessToken})
		})
		wg.Wait()
		if n := s.mustCount(t, `SELECT COUNT(*) FROM session WHERE user_id = ?`, ada.ID[:]); n != 0 {
			t.Fatalf("%d refresh tokens outlived their login", n)
		}
	}
}
