package user

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/user/internal/password/passwordhash"
	"souk/shared/auth"
	"souk/shared/dbtest"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// unrevokedToken returns a token with the claims of an access token, but with a version that
// no revocation covers. Operations must reject it, as they must reject the access token on
// an instance that has not read its revocation yet.
func (s server) unrevokedToken(t *testing.T, accessToken string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(accessToken, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Sub, SID  uuid.UUID
		StaffRole auth.Role `json:"staff_role"`
		Scope     string
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	return s.Token(t, auth.Principal{UserID: claims.Sub, Role: cmp.Or(claims.StaffRole, auth.Customer), Permissions: manifest.ParsePermissionSet(claims.Scope), SessionID: claims.SID, RightsVersion: math.MaxInt64})
}

// A login that is concurrent with a change of role gets the new role, because the
// transaction that creates the session reads it.
func TestLoginDuringChangeOfRole(t *testing.T) {
	t.Parallel()
	s := openWith(t, nil, functiontest.WithProxy)
	ada := s.mustRegister(t, "ada@example.com")
	s.mustPutRole(t, ada.ID, auth.Owner)
	var changed atomic.Bool
	s.Statements.Set(func(statement string) dbtest.Fate {
		if strings.Contains(statement, "INSERT INTO session") && changed.CompareAndSwap(false, true) {
			s.mustPutRole(t, ada.ID, auth.Customer)
		}
		return dbtest.Pass
	})
	token := s.mustSignIn(t, ada.Email).AccessToken
	if !changed.Load() {
		t.Fatal("the role did not change meanwhile")
	}
	s.getMe(t, token).MustBe(t, http.StatusOK)
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users", Token: token}).MustBeProblem(t, http.StatusForbidden, "forbidden")
}

// mustAdmin is mustStaff with an owner.
func (s server) mustAdmin(t *testing.T) (User, string) {
	t.Helper()
	return s.mustStaff(t, auth.Owner)
}

// mustStaff creates an account with a role and returns an access token of it, which is not revoked
// when the role changes: see unrevokedToken.
func (s server) mustStaff(t *testing.T, role auth.Role) (User, string) {
	t.Helper()
	u, err := newUser(uuid.NewString()+"@example.com", "Root", role, time.Now().UTC())
	if err != nil {
		t.Fatal(err)
	}
	if err = insertUser(t.Context(), s.DB, u, passwordhash.Placeholder()); err != nil {
		t.Fatal(err)
	}
	return u, s.unrevokedToken(t, s.Token(t, auth.Principal{UserID: u.ID, Role: role}))
}
