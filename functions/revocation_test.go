package functions_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions"
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
	return mustIssue(t, s, u, "/v1/sessions", object{"email": u.email, "password": u.password})
}

func mustRefresh(t *testing.T, s *functiontest.Server, u signedIn) signedIn {
	t.Helper()
	return mustIssue(t, s, u, "/v1/sessions/refresh", object{"refreshToken": u.RefreshToken})
}

func mustIssue(t *testing.T, s *functiontest.Server, u signedIn, path string, body object) signedIn {
	t.Helper()
	answer := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: path, Body: body}).MustBe(t, http.StatusCreated)
	mustDecode(t, answer.Body, &u)
	return u
}

// principal returns the claims of the access token.
func (u signedIn) principal(t *testing.T) auth.Principal {
	t.Helper()
	var claims struct {
		Sub, SID      uuid.UUID
		Role          auth.Role
		RightsVersion int64 `json:"rights_version"`
	}
	mustDecode(t, part(t, u.AccessToken, 1), &claims)
	if claims.SID == uuid.Nil || claims.RightsVersion == 0 {
		t.Fatalf("the token of a login has the claims %s", part(t, u.AccessToken, 1))
	}
	return auth.Principal{UserID: claims.Sub, Role: claims.Role, SessionID: claims.SID, RightsVersion: claims.RightsVersion}
}

const otherPassword = "nine blue umbrellas"

// endings are the ways in which the rights of an access token end. Each ends those of a
// user, and returns the user with the tokens that then can be had, if any.
var endings = map[string]struct {
	role auth.Role // of the user before
	end  func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool)
}{
	"demotion": {auth.Admin, func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool) {
		t.Helper()
		u.role = auth.Customer
		mustEnd(t, s, mustAdmin(t, s), http.MethodPut, "/v1/users/"+u.principal(t).UserID.String()+"/role", object{"role": u.role})
		return mustRefresh(t, s, u), true
	}},
	"promotion": {auth.Customer, func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool) {
		t.Helper()
		u.role = auth.Admin
		mustEnd(t, s, mustAdmin(t, s), http.MethodPut, "/v1/users/"+u.principal(t).UserID.String()+"/role", object{"role": u.role})
		return mustRefresh(t, s, u), true
	}},
	"deletion": {auth.Customer, func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool) {
		t.Helper()
		mustEnd(t, s, u.AccessToken, http.MethodDelete, "/v1/users/me", nil)
		return u, false
	}},
	"password change": {auth.Admin, func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool) {
		t.Helper()
		mustEnd(t, s, u.AccessToken, http.MethodPut, "/v1/users/me/password", object{"currentPassword": u.password, "newPassword": otherPassword})
		return mustRefresh(t, s, u), true
	}},
	"password reset": {auth.Admin, func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool) {
		t.Helper()
		mustEnd(t, s, "", http.MethodPost, "/v1/password-resets", object{"email": u.email})
		token := mustMail(t, s, `UPDATE password_reset SET token_hash = ? WHERE email_key = ?`, u.email)
		mustEnd(t, s, "", http.MethodPost, "/v1/password-resets/confirm", object{"token": token, "newPassword": otherPassword})
		u.password = otherPassword
		return mustLogIn(t, s, u), true
	}},
	"logout": {auth.Admin, func(t *testing.T, s *functiontest.Server, u signedIn) (signedIn, bool) {
		t.Helper()
		mustEnd(t, s, u.AccessToken, http.MethodDelete, "/v1/sessions/current", nil)
		return mustLogIn(t, s, u), true
	}},
}

func mustEnd(t *testing.T, s *functiontest.Server, token, method, path string, body any) {
	t.Helper()
	mustSucceed(t, s.Do(t, functiontest.Request{Method: method, Path: path, Token: token, Header: map[string]string{"If-Match": "*"}, Body: body}))
}

func mustAdmin(t *testing.T, s *functiontest.Server) string {
	t.Helper()
	id, err := user.Seed(t.Context(), s.DB, uuid.NewString()+"@example.com", password, auth.Admin)
	if err != nil {
		t.Fatal(err)
	}
	return s.Token(t, auth.Principal{UserID: id, Role: auth.Admin})
}

// issuer is the service that issues and revokes tokens.
const issuer = "user"

// shop is all services, each as two instances: one changes what the other reads.
type shop struct {
	writers, readers map[string]*functiontest.Server
	offset           atomic.Int64 // of the clock of all
}

func (s *shop) now() time.Time { return clock.System().Add(time.Duration(s.offset.Load())) }

// check has every function that needs a token, less one, asked with that of a user, and
// returns what fault says of the responses.
func (s *shop) check(t *testing.T, u signedIn, skip string, fault func(manifest.Function, functiontest.Response) string) (faults []string) {
	t.Helper()
	for _, f := range functions.Manifest().Functions {
		if f.Access != manifest.User && f.Access != manifest.Admin || f.Name == skip {
			continue
		}
		if found := fault(f, s.readers[f.Service].Do(t, request(f, bearer(u.AccessToken)))); found != "" {
			faults = append(faults, f.Name+": "+found)
		}
	}
	return faults
}

// notRevoked returns how a response is not that to a revoked token.
func notRevoked(_ manifest.Function, got functiontest.Response) string {
	if got.Status != http.StatusUnauthorized || !strings.Contains(string(got.Body), `"code":"token_revoked"`) || got.Header.Get("WWW-Authenticate") == "" {
		return fmt.Sprintf("got %d %s", got.Status, got.Body)
	}
	return ""
}

// TestRevocation ends the rights of users in every way, and has every function that
// needs a token asked with theirs: before, and when the event has been delivered and the
// copies of the instances are old.
func TestRevocation(t *testing.T) {
	t.Parallel()
	s := &shop{writers: map[string]*functiontest.Server{}, readers: map[string]*functiontest.Server{}}
	for _, service := range functions.Manifest().Services() {
		s.writers[service] = MustStart(t, service, functiontest.WithClock(s.now))
		s.readers[service] = MustStart(t, service, functiontest.WithClock(s.now), functiontest.Beside(s.writers[service]))
	}
	for name, ending := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := signedIn{role: ending.role, email: uuid.NewString() + "@example.com", password: password}
			if _, err := user.Seed(t.Context(), s.writers[issuer].DB, u.email, u.password, u.role); err != nil {
				t.Fatal(err)
			}
			before := mustLogIn(t, s.writers[issuer], u)
			s.mustAllow(t, before)
			after, remains := ending.end(t, s.writers[issuer], before)
			s.deliver(t, before.principal(t).UserID)
			s.offset.Add(int64(revocation.MaxAge))
			for _, fault := range s.check(t, before, "", notRevoked) {
				t.Error("with a token from before:", fault)
			}
			if remains {
				s.mustAllow(t, after)
			}
		})
	}
}

// mustAllow has every function asked for what the user's role allows. To ask for the
// end of the session would end it.
func (s *shop) mustAllow(t *testing.T, u signedIn) {
	t.Helper()
	rule := func(f manifest.Function, got functiontest.Response) string {
		want, err := verdict(f, map[auth.Role]kind{auth.Customer: customer, auth.Admin: admin}[u.role])
		if err != nil {
			t.Fatal(err)
		}
		return fare(got, want)
	}
	for _, fault := range s.check(t, u, "session-delete", rule) {
		t.Error("with a valid token:", fault)
	}
}

// deliver takes the revocation of a user's tokens to every function that waits for it,
// twice, as Pub/Sub may.
func (s *shop) deliver(t *testing.T, userID uuid.UUID) {
	t.Helper()
	events := slices.DeleteFunc(s.writers[issuer].Topics.Published(revocation.Topic.Name()), func(e event.Event) bool { return e.AggregateID != userID })
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
