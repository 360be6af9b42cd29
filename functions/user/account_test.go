package user

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/user/passwordhash"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

const newPassword = "nine blue umbrellas"

func (s server) putRole(t *testing.T, id uuid.UUID, token string, body any) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPut, Path: "/v1/users/" + id.String() + "/role", Token: token, Body: body})
}

func (s server) mustPutRole(t *testing.T, id uuid.UUID, role auth.Role) User {
	t.Helper()
	var u User
	_, admin := s.mustAdmin(t)
	s.putRole(t, id, admin, object{"role": role}).MustBe(t, http.StatusOK).Into(t, &u)
	return u
}

// mustAdmin creates the account of an admin and returns an access token of it, which is
// not revoked when the role changes: see unrevokedToken.
func (s server) mustAdmin(t *testing.T) (User, string) {
	t.Helper()
	u, err := newUser(uuid.NewString()+"@example.com", "Root", auth.Admin, time.Now().UTC())
	if err != nil {
		t.Fatal(err)
	}
	if err = insertUser(t.Context(), s.DB, u, passwordhash.Placeholder()); err != nil {
		t.Fatal(err)
	}
	return u, s.unrevokedToken(t, s.Token(t, auth.Principal{UserID: u.ID, Role: auth.Admin}))
}

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

func TestList(t *testing.T) {
	t.Parallel()
	s := open(t)
	var want []User
	for _, name := range []string{"a", "b", "c"} {
		want = append([]User{s.mustRegister(t, name+"@example.com")}, want...)
	}
	list := func(t *testing.T, token, query string) functiontest.Response {
		t.Helper()
		return s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users" + query, Token: token})
	}
	t.Run("an admin gets all accounts in pages, newest first", func(t *testing.T) {
		t.Parallel()
		admin := s.Tokens.Admin(t)
		var first, second api.Page[User]
		list(t, admin, "?pageSize=2").MustBe(t, http.StatusOK).Into(t, &first)
		list(t, admin, "?pageSize=2&pageToken="+first.NextPageToken).MustBe(t, http.StatusOK).Into(t, &second)
		got := append(first.Items, second.Items...)
		if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || second.NextPageToken != "" {
			t.Fatalf("got %+v and %+v, want %+v", first, second, want)
		}
		list(t, admin, "?pageToken=x").MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})
	t.Run("only admins may list accounts", func(t *testing.T) {
		t.Parallel()
		_, customer := s.Tokens.Customer(t)
		list(t, "", "").MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		list(t, customer, "").MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	token := s.Token(t, auth.Principal{UserID: ada.ID, Role: auth.Customer})
	patch := func(t *testing.T, token, ifMatch string, body any) functiontest.Response {
		t.Helper()
		request := functiontest.Request{Method: http.MethodPatch, Path: "/v1/users/me", Token: token, Body: body}
		if ifMatch != "" {
			request.Header = map[string]string{"If-Match": ifMatch}
		}
		return s.Do(t, request)
	}
	t.Run("the name changes, if the version is current", func(t *testing.T) {
		t.Parallel()
		got := patch(t, token, `"1"`, object{"name": " Ada King "})
		var u User
		got.MustBe(t, http.StatusOK).Into(t, &u)
		if u.Name != "Ada King" || u.Version != 2 || u.Email != ada.Email || got.Header.Get("ETag") != `"2"` {
			t.Fatalf("got %+v, ETag %s", u, got.Header.Get("ETag"))
		}
		patch(t, token, `"1"`, object{"name": "Late"}).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
	})
	t.Run("invalid input and missing accounts are rejected", func(t *testing.T) {
		t.Parallel()
		patch(t, token, "", object{"name": "X"}).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
		for _, body := range []object{{"name": ""}, {"name": " "}, {"name": "a\nb"}, {"role": "admin"}, {"email": "eve@example.com"}} {
			patch(t, token, "*", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		patch(t, "", "*", object{"name": "X"}).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		_, deleted := s.Tokens.Customer(t)
		patch(t, deleted, "*", object{"name": "X"}).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}

func (s server) changePassword(t *testing.T, token string, body any) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPut, Path: "/v1/users/me/password", Token: token, Body: body})
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	s := open(t)
	change := object{"currentPassword": goodPassword, "newPassword": newPassword}

	t.Run("all other logins end, and the event for the mail is published", func(t *testing.T) {
		t.Parallel()
		ada := s.mustRegister(t, "ada@example.com")
		other, own := s.mustSignIn(t, "ada@example.com"), s.mustSignIn(t, "ada@example.com")
		s.changePassword(t, own.AccessToken, change).MustBe(t, http.StatusNoContent)
		s.requireInvalidRefreshToken(t, other.RefreshToken)
		s.mustRefresh(t, own.RefreshToken)
		s.post(t, "/v1/sessions", object{"email": "ada@example.com", "password": goodPassword}).
			MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
		s.post(t, "/v1/sessions", object{"email": "ada@example.com", "password": newPassword}).MustBe(t, http.StatusCreated)
		s.mustEvent(t, "password-changed", ada.ID)
	})
	t.Run("a rejected change changes nothing", func(t *testing.T) {
		t.Parallel()
		s.mustRegister(t, "bea@example.com")
		token := s.mustSignIn(t, "bea@example.com").AccessToken
		s.changePassword(t, token, object{"currentPassword": "wrong", "newPassword": newPassword}).
			MustBeProblem(t, http.StatusForbidden, "wrong_password")
		for _, weak := range []string{"", "short", "Password123", "bea@example.com", strings.Repeat("ab", 65)} {
			s.changePassword(t, token, object{"currentPassword": goodPassword, "newPassword": weak}).
				MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		s.changePassword(t, "", change).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		_, deleted := s.Tokens.Customer(t)
		s.changePassword(t, deleted, change).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		s.mustSignIn(t, "bea@example.com")
	})
}

// One of several concurrent changes succeeds, and only its login remains, whether or not
// other logins are refreshed concurrently.
func TestChangePasswordRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	statuses := make([]int, 6)
	logins := make([]tokens, len(statuses))
	for i := range logins {
		logins[i] = s.mustSignIn(t, ada.Email)
	}
	var wg sync.WaitGroup
	for i, issued := range logins {
		wg.Go(func() {
			statuses[i] = s.changePassword(t, issued.AccessToken, object{"currentPassword": goodPassword, "newPassword": newPassword}).Status
		})
		wg.Go(func() { s.refresh(t, issued.RefreshToken) })
	}
	wg.Wait()
	succeeded := 0
	for _, status := range statuses {
		if status == http.StatusNoContent {
			succeeded++
		} else if status >= http.StatusInternalServerError {
			t.Errorf("got %d", status)
		}
	}
	if succeeded != 1 {
		t.Errorf("%d of %d changes succeeded, want 1", succeeded, len(statuses))
	}
	if n := s.mustCount(t, `SELECT COUNT(DISTINCT family_id) FROM session WHERE user_id = ?`, ada.ID[:]); n != 1 {
		t.Errorf("%d logins remain, want 1", n)
	}
}

// Secrets must not be logged, whatever the responses of these operations.
func TestAccountSecretsStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	moving := &movingClock{}
	s := openWith(t, nil, functiontest.WithClock(moving.now))
	email, first, second := "canary-mail@example.com", "canary old password", "canary new password"
	body := registration(email)
	body["password"] = first
	s.mustRegisterAs(t, body)
	var issued tokens
	s.post(t, "/v1/sessions", object{"email": email, "password": first}).MustBe(t, http.StatusCreated).Into(t, &issued)
	next := s.mustRefresh(t, issued.RefreshToken)
	s.changePassword(t, next.AccessToken, object{"currentPassword": second, "newPassword": second}).MustBe(t, http.StatusForbidden)
	s.changePassword(t, next.AccessToken, object{"currentPassword": first, "newPassword": second}).MustBe(t, http.StatusNoContent)
	moving.advance(defaultSessions.ReuseInterval)
	s.requireInvalidRefreshToken(t, issued.RefreshToken)
	for _, canary := range []string{email, first, second, issued.RefreshToken, next.RefreshToken, issued.AccessToken, next.AccessToken} {
		if logs.Contains(canary) {
			t.Errorf("%s is in the log", canary)
		}
	}
	if !logs.Contains("a spent refresh token was reused") {
		t.Error("the log has no entry for the reused token")
	}
}
