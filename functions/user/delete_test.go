package user

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

func (s server) deleteMe(t *testing.T, token, etag string) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/users/me", Token: token, Header: map[string]string{"If-Match": etag}})
}

// mustBackdateSessions sets the creation of a user's sessions back.
func (s server) mustBackdateSessions(t *testing.T, userID uuid.UUID, by time.Duration) {
	t.Helper()
	_, err := s.DB.ExecContext(t.Context(), `UPDATE session SET created_at = ? WHERE user_id = ?`, time.Now().UTC().Add(-by), userID[:])
	if err != nil {
		t.Fatal(err)
	}
}

// deletions returns the number of user-deleted events by account.
func (s server) deletions(t *testing.T) map[uuid.UUID]int {
	t.Helper()
	deletions := map[uuid.UUID]int{}
	for _, e := range s.Published.Events("user-deleted") {
		var d Deleted
		if err := json.Unmarshal(e.Payload, &d); err != nil || e.AggregateID != d.UserID {
			t.Fatalf("the user-deleted event of %[2]s is %[1]s: %[3]v", e.Payload, e.AggregateID, err)
		}
		deletions[d.UserID]++
	}
	return deletions
}

func TestDelete(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("the account and all data of it are deleted, and the event is published", func(t *testing.T) {
		t.Parallel()
		u := s.mustRegister(t, "ada@example.com")
		issued := s.mustSignIn(t, "ada@example.com")
		s.mustCreateAddress(t, issued.AccessToken)
		s.deleteMe(t, issued.AccessToken, u.ETag()).MustBe(t, http.StatusNoContent)
		for _, query := range []string{
			`SELECT COUNT(*) FROM user WHERE id = ?`, `SELECT COUNT(*) FROM session WHERE user_id = ?`,
			`SELECT COUNT(*) FROM address WHERE user_id = ?`, `SELECT COUNT(*) FROM idempotency_key WHERE caller = ?`,
		} {
			if n := s.mustCount(t, query, u.ID[:]); n != 0 {
				t.Errorf("%s finds %d", query, n)
			}
		}
		if n := s.deletions(t)[u.ID]; n != 1 {
			t.Errorf("the deletion was published %d times", n)
		}
		s.requireInvalidRefreshToken(t, issued.RefreshToken)
		s.post(t, "/v1/sessions", fixtures.Login("ada@example.com", fixtures.Password)).
			MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
		if again := s.mustRegister(t, "ada@example.com"); again.ID == u.ID {
			t.Error("a new account has the id of the deleted one")
		}
	})

	t.Run("the tokens of a deleted account are rejected", func(t *testing.T) {
		t.Parallel()
		u := s.mustRegister(t, "bob@example.com")
		token := s.mustSignIn(t, "bob@example.com").AccessToken
		s.deleteMe(t, token, u.ETag()).MustBe(t, http.StatusNoContent)
		s.getMe(t, token).MustBeProblem(t, http.StatusUnauthorized, "token_revoked")
		token = s.unrevokedToken(t, token)
		address := addressesPath + "/" + uuid.NewString()
		for _, r := range []functiontest.Request{
			{Method: http.MethodGet, Path: "/v1/users/me"},
			{Method: http.MethodGet, Path: "/v1/users/me/export"},
			{Method: http.MethodPatch, Path: "/v1/users/me", Body: object{"name": "Bob"}},
			{Method: http.MethodDelete, Path: "/v1/users/me"},
			{Method: http.MethodPut, Path: "/v1/users/me/password", Body: fixtures.PasswordChange(fixtures.Password, fixtures.NewPassword)},
			{Method: http.MethodDelete, Path: "/v1/sessions/current"},
			{Method: http.MethodPost, Path: addressesPath, Body: fixtures.Address()},
			{Method: http.MethodGet, Path: addressesPath},
			{Method: http.MethodGet, Path: address},
			{Method: http.MethodPatch, Path: address, Body: object{"city": "Rome"}},
			{Method: http.MethodDelete, Path: address},
		} {
			r.Token = token
			if r.Method != http.MethodPost {
				r.Header = map[string]string{"If-Match": "*"}
			}
			t.Log(r.Method, r.Path)
			s.Do(t, r).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		}
	})

	t.Run("If-Match with the current version is required", func(t *testing.T) {
		t.Parallel()
		s.mustRegister(t, "carol@example.com")
		token := s.mustSignIn(t, "carol@example.com").AccessToken
		s.deleteMe(t, token, "").MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
		s.deleteMe(t, token, `"2"`).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
		s.getMe(t, token).MustBe(t, http.StatusOK)
	})

	t.Run("a caller without an account is rejected", func(t *testing.T) {
		t.Parallel()
		s.deleteMe(t, "", "*").MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		_, stranger := s.Tokens.Customer(t)
		s.deleteMe(t, stranger, "*").MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}

// A stolen access token must not be enough to delete an account.
func TestDeleteRequiresRecentLogin(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("an old login is rejected, even after a refresh", func(t *testing.T) {
		t.Parallel()
		u := s.mustRegister(t, "ada@example.com")
		issued := s.mustSignIn(t, "ada@example.com")
		s.mustBackdateSessions(t, u.ID, maxLoginAge+time.Second)
		for _, token := range []string{issued.AccessToken, s.mustRefresh(t, issued.RefreshToken).AccessToken} {
			response := s.deleteMe(t, token, "*")
			response.MustBeProblem(t, http.StatusUnauthorized, "recent_login_required")
			if got := response.Header.Get("WWW-Authenticate"); !strings.Contains(got, `error="insufficient_user_authentication"`) || !strings.Contains(got, `max_age="300"`) {
				t.Errorf("WWW-Authenticate is %q (RFC 9470, section 3)", got)
			}
		}
		s.deleteMe(t, s.mustSignIn(t, "ada@example.com").AccessToken, "*").MustBe(t, http.StatusNoContent)
	})

	t.Run("a login that has ended is rejected", func(t *testing.T) {
		t.Parallel()
		s.mustRegister(t, "bob@example.com")
		token := s.mustSignIn(t, "bob@example.com").AccessToken
		s.Do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/sessions/current", Token: token}).MustBe(t, http.StatusNoContent)
		s.deleteMe(t, s.unrevokedToken(t, token), "*").MustBeProblem(t, http.StatusUnauthorized, "recent_login_required")
	})

	t.Run("the login of another account is rejected", func(t *testing.T) {
		t.Parallel()
		victim, thief := s.mustRegister(t, "carol@example.com"), s.mustRegister(t, "dave@example.com")
		s.mustSignIn(t, "dave@example.com")
		var login uuid.UUID
		if err := s.DB.QueryRowContext(t.Context(), `SELECT id FROM session WHERE user_id = ?`, thief.ID[:]).Scan(&login); err != nil {
			t.Fatal(err)
		}
		for _, session := range []uuid.UUID{login, uuid.Nil} {
			token := s.Token(t, auth.Principal{UserID: victim.ID, Role: auth.Customer, SessionID: session})
			s.deleteMe(t, token, "*").MustBeProblem(t, http.StatusUnauthorized, "recent_login_required")
		}
	})
}

// An owner always remains, whatever owners do concurrently.
func TestDeleteLeavesAnOwner(t *testing.T) {
	t.Parallel()
	s := open(t)
	tokens := map[uuid.UUID]string{}
	for _, name := range []string{"a", "b", "c"} {
		u := s.mustRegister(t, name+"@example.com")
		tokens[u.ID] = s.unrevokedToken(t, s.mustSignIn(t, u.Email).AccessToken)
		s.mustPutRole(t, u.ID, auth.Owner)
	}
	if _, err := s.DB.ExecContext(t.Context(), `DELETE FROM user WHERE name = 'Root'`); err != nil { // the owner of mustPutRole
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for id := range tokens {
		wg.Go(func() {
			if got := s.deleteMe(t, tokens[id], "*"); got.Status != http.StatusNoContent {
				got.MustBeProblem(t, http.StatusConflict, "owner_account")
			}
		})
		for other := range tokens {
			if other == id {
				continue
			}
			token := s.unrevokedToken(t, s.Token(t, auth.Principal{UserID: id, Role: auth.Owner}))
			wg.Go(func() {
				if got := s.putRole(t, other, token, object{"role": "customer"}); got.Status != http.StatusOK && got.Status != http.StatusNotFound {
					got.MustBeProblem(t, http.StatusForbidden, "forbidden")
				}
			})
		}
	}
	wg.Wait()
	if n := s.mustCount(t, `SELECT COUNT(*) FROM user WHERE role = 'admin'`); n != 1 {
		t.Fatalf("%d owners remain, want 1", n)
	}
}

func TestDeleteRaces(t *testing.T) {
	t.Parallel()
	s := open(t)
	t.Run("one of eight concurrent requests succeeds, and one event is published", func(t *testing.T) {
		t.Parallel()
		u := s.mustRegister(t, "ada@example.com")
		token := s.mustSignIn(t, "ada@example.com").AccessToken
		statuses := make(chan int, 8)
		var all sync.WaitGroup
		for range cap(statuses) {
			all.Go(func() { statuses <- s.deleteMe(t, token, "*").Status })
		}
		all.Wait()
		close(statuses)
		count := map[int]int{}
		for status := range statuses {
			count[status]++
		}
		if count[http.StatusNoContent] != 1 || count[http.StatusUnauthorized] != 7 || s.deletions(t)[u.ID] != 1 {
			t.Errorf("statuses %v, %d events; want one 204, seven 401, one event", count, s.deletions(t)[u.ID])
		}
	})

	t.Run("concurrent logins, refreshes and addresses leave no data of the account", func(t *testing.T) {
		t.Parallel()
		for range 5 {
			email := uuid.NewString() + "@example.com"
			u := s.mustRegister(t, email)
			issued := s.mustSignIn(t, email)
			var all sync.WaitGroup
			all.Go(func() { s.deleteMe(t, issued.AccessToken, "*") })
			all.Go(func() { s.post(t, "/v1/sessions", fixtures.Login(email, fixtures.Password)) })
			all.Go(func() { s.refresh(t, issued.RefreshToken) })
			for range 3 {
				all.Go(func() { s.address(t, issued.AccessToken, http.MethodPost, "", "", fixtures.Address()) })
			}
			all.Wait()
			s.deleteMe(t, issued.AccessToken, "*").MustBe(t, http.StatusUnauthorized)
			for _, from := range []string{"user WHERE id", "session WHERE user_id", "address WHERE user_id", "idempotency_key WHERE caller"} {
				if n := s.mustCount(t, `SELECT COUNT(*) FROM `+from+` = ?`, u.ID[:]); n != 0 {
					t.Errorf("%s of the user: %d rows", from, n)
				}
			}
		}
	})
}
