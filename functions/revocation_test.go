package functions_test

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/user"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/event"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
	"souk/shared/revocation"
)

// signedIn is a user with the tokens of a login.
type signedIn struct {
	role            auth.Role
	email, password string
	AccessToken     string
	RefreshToken    string
}

func mustLogIn(t *testing.T, s *functiontest.Server, u signedIn) signedIn {
	t.Helper()
	return mustIssue(t, s, u, "/v1/sessions", fixtures.Login(u.email, u.password))
}

func mustRefresh(t *testing.T, s *functiontest.Server, u signedIn) signedIn {
	t.Helper()
	return mustIssue(t, s, u, "/v1/sessions/refresh", object{"refreshToken": u.RefreshToken})
}

func mustIssue(t *testing.T, s *functiontest.Server, u signedIn, path string, body object) signedIn {
	t.Helper()
	response := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: path, Body: body}).MustBe(t, http.StatusCreated)
	mustDecode(t, response.Body, &u)
	return u
}

// principal returns the claims of the access token.
func (u signedIn) principal(t *testing.T) auth.Principal {
	t.Helper()
	var claims struct {
		Sub, SID      uuid.UUID
		StaffRole     auth.Role `json:"staff_role"`
		RightsVersion int64     `json:"rights_version"`
	}
	mustDecode(t, decodePart(t, u.AccessToken, 1), &claims)
	if claims.SID == uuid.Nil || claims.RightsVersion == 0 {
		t.Fatalf("the token of a login has the claims %s", decodePart(t, u.AccessToken, 1))
	}
	return auth.Principal{UserID: claims.Sub, Role: cmp.Or(claims.StaffRole, auth.Customer), SessionID: claims.SID, RightsVersion: claims.RightsVersion}
}

// endings has the operations that end the rights of an access token. Each ends those of a
// user, and returns the user with new tokens, if they can still be issued.
var endings = map[string]struct {
	role auth.Role // of the user before
	end  func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool)
}{
	"demotion": {auth.Owner, func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool) {
		t.Helper()
		u.role = auth.Customer
		mustSend(t, s, mustIssueStaffToken(t, s), http.MethodPut, "/v1/users/"+u.principal(t).UserID.String()+"/role", object{"role": u.role})
		return mustRefresh(t, s, u), true
	}},
	"promotion": {auth.Customer, func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool) {
		t.Helper()
		u.role = auth.Owner
		mustSend(t, s, mustIssueStaffToken(t, s), http.MethodPut, "/v1/users/"+u.principal(t).UserID.String()+"/role", object{"role": u.role})
		return mustRefresh(t, s, u), true
	}},
	"deletion": {auth.Customer, func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool) {
		t.Helper()
		mustSend(t, s, u.AccessToken, http.MethodDelete, "/v1/users/me", nil)
		return u, false
	}},
	"password change": {auth.Owner, func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool) {
		t.Helper()
		mustSend(t, s, u.AccessToken, http.MethodPut, "/v1/users/me/password", fixtures.PasswordChange(u.password, fixtures.NewPassword))
		return mustRefresh(t, s, u), true
	}},
	"password reset": {auth.Owner, func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool) {
		t.Helper()
		mustSend(t, s, "", http.MethodPost, "/v1/password-resets", object{"email": u.email})
		token := mustStoreMailToken(t, s, `UPDATE password_reset SET token_hash = ? WHERE email_key = ?`, u.email)
		mustSend(t, s, "", http.MethodPost, "/v1/password-resets/confirm", fixtures.PasswordReset(token, fixtures.NewPassword))
		u.password = fixtures.NewPassword
		return mustLogIn(t, s, u), true
	}},
	"logout": {auth.Owner, func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool) {
		t.Helper()
		mustSend(t, s, u.AccessToken, http.MethodDelete, "/v1/sessions/current", nil)
		return mustLogIn(t, s, u), true
	}},
}

func mustSend(t *testing.T, s *functiontest.Server, token, method, path string, body any) {
	t.Helper()
	requireSuccess(t, s.Do(t, functiontest.Request{Method: method, Path: path, Token: token, Header: map[string]string{"If-Match": "*"}, Body: body}))
}

// issuer is the service that issues and revokes tokens.
const issuer = "user"

// shop is all services, each with two instances: one writes, the other reads.
type shop struct {
	writers, readers map[string]*functiontest.Server
	offset           atomic.Int64 // added to the clock of all instances
}

func (s *shop) now() time.Time { return clock.System().Add(time.Duration(s.offset.Load())) }

// check calls every function that requires a token, except skip, with the token of a user,
// and returns the violations that rule finds in the responses.
func (s *shop) check(t *testing.T, u signedIn, skip string, rule func(manifest.Function, functiontest.Response) string) (violations []string) {
	t.Helper()
	for _, f := range functions.Manifest().Functions {
		if f.HTTP == "" || f.Access == manifest.Anyone || f.Name == skip {
			continue
		}
		if violation := rule(f, s.readers[f.Service].Do(t, request(f, bearer(u.AccessToken)))); violation != "" {
			violations = append(violations, f.Name+": "+violation)
		}
	}
	return violations
}

// notRevoked returns how a response differs from that to a revoked token.
func notRevoked(_ manifest.Function, got functiontest.Response) string {
	if got.Status != http.StatusUnauthorized || !strings.Contains(string(got.Body), `"code":"token_revoked"`) || got.Header.Get("WWW-Authenticate") == "" {
		return fmt.Sprintf("got %d %s", got.Status, got.Body)
	}
	return ""
}

// TestRevocation ends the rights of users by every operation that can, and calls every
// function that requires a token with theirs: before, and after the event was delivered and
// the copies of the instances have expired.
func TestRevocation(t *testing.T) {
	t.Parallel()
	s := &shop{writers: map[string]*functiontest.Server{}, readers: map[string]*functiontest.Server{}}
	for _, service := range functions.Manifest().Services() {
		s.writers[service] = mustStart(t, service, functiontest.WithClock(s.now))
		s.readers[service] = mustStart(t, service, functiontest.WithClock(s.now), functiontest.WithSameDatabase(s.writers[service]))
	}
	for name, ending := range endings {
		t.Run(name+" revokes the tokens", func(t *testing.T) {
			t.Parallel()
			u := signedIn{role: ending.role, email: uuid.NewString() + "@example.com", password: fixtures.Password}
			if _, err := user.Seed(t.Context(), s.writers[issuer].DB, u.email, u.password, u.role); err != nil {
				t.Fatal(err)
			}
			before := mustLogIn(t, s.writers[issuer], u)
			s.requireAccess(t, before)
			after, remains := ending.end(t, s.writers[issuer], before)
			s.deliver(t, before.principal(t).UserID)
			s.offset.Add(int64(revocation.MaxAge))
			for _, violation := range s.check(t, before, "", notRevoked) {
				t.Error("with a revoked token:", violation)
			}
			if remains {
				s.requireAccess(t, after)
			}
		})
	}
}

// requireAccess requires that every function treats the user as its rule has it. It skips
// session-delete, which would end the session.
func (s *shop) requireAccess(t *testing.T, u signedIn) {
	t.Helper()
	rule := func(f manifest.Function, got functiontest.Response) string {
		want, err := expectedStatus(f, map[auth.Role]identity{auth.Customer: {kind: customer}, auth.Owner: {kind: staff, permissions: manifest.AllPermissions()}}[u.role])
		if err != nil {
			t.Fatal(err)
		}
		return checkStatus(got, want)
	}
	for _, violation := range s.check(t, u, "session-delete", rule) {
		t.Error("with a valid token:", violation)
	}
}

// deliver delivers the revocation of a user's tokens to every subscribed function, twice,
// as Pub/Sub may.
func (s *shop) deliver(t *testing.T, userID uuid.UUID) {
	t.Helper()
	events := slices.DeleteFunc(s.writers[issuer].Published.Events(revocation.Topic.Name()), func(e event.Event) bool { return e.AggregateID != userID })
	if len(events) != 1 {
		t.Fatalf("%d revocations were published, want 1", len(events))
	}
	for range 2 {
		for _, f := range functions.Manifest().Functions {
			if slices.Contains(f.Events, revocation.Topic.Name()) {
				s.writers[f.Service].Deliver(t, f.Name, events[0]).MustBe(t, http.StatusNoContent)
			}
		}
	}
}
