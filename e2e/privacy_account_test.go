package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

// passkey is a passkey of an account, in a software authenticator.
type passkey struct {
	name          string
	site          virtualwebauthn.RelyingParty
	authenticator virtualwebauthn.Authenticator
	credential    virtualwebauthn.Credential
}

// ceremony is the response of passkey-challenge.
type ceremony struct {
	Challenge string
	Options   json.RawMessage
}

// mustLeaveAccountTraces stores what an account can have besides orders and addresses: numbers, a change
// of the e-mail address, one that is not confirmed, and a passkey with an unfinished registration of
// another one. The person is signed in with the passkey afterwards.
func (s *system) mustLeaveAccountTraces(t *testing.T, p *person) {
	t.Helper()
	mark := uuid.NewString()[:8]
	p.accountPhone, p.vatNumber = fmt.Sprintf("+4998%011d", rand.Int64N(1e11)), fmt.Sprintf("DE%09d", rand.Int64N(1e9))
	confirmed := "confirmed-" + mark + "@example.com"
	p.formerEmail, p.requestedEmail = p.email, "requested-"+mark+"@example.com"
	s.canaries.plant(p.accountPhone, p.vatNumber, confirmed, p.requestedEmail)

	s.do(t, functiontest.Request{Method: http.MethodPatch, Path: "/v1/users/me", Token: p.token, Header: map[string]string{"If-Match": "*"},
		Body: map[string]any{"phone": p.accountPhone, "vatNumber": p.vatNumber}}).MustBe(t, http.StatusOK)
	change := func(email string) string {
		s.postAs(t, p.token, "/v1/users/me/email-changes", map[string]any{"email": email}).MustBe(t, http.StatusAccepted)
		token := s.mustReadMails(t, email, "confirm your new e-mail address")[0].token(t)
		s.canaries.plant(token)
		return token
	}
	s.postAs(t, p.token, "/v1/users/me/email-changes/confirm", map[string]any{"token": change(confirmed)}).MustBe(t, http.StatusOK)
	p.email = confirmed
	change(p.requestedEmail)

	p.passkey = s.mustAddPasskey(t, p)
	s.signIn(t, p)
	s.mustBeginPasskey(t, p.token, "registration")
}

// postAs sends a POST with a token.
func (s *system) postAs(t testing.TB, token, path string, body any) functiontest.Response {
	t.Helper()
	return s.do(t, functiontest.Request{Method: http.MethodPost, Path: path, Token: token, Body: body})
}

// mustBeginPasskey begins a sign-in with a passkey, or the registration of one.
func (s *system) mustBeginPasskey(t *testing.T, token, purpose string) (c ceremony) {
	t.Helper()
	s.postAs(t, token, "/v1/passkeys/challenges", map[string]any{"purpose": purpose}).MustBe(t, http.StatusCreated).Into(t, &c)
	s.canaries.plant(c.Challenge)
	return c
}

// mustAddPasskey registers a passkey. The access tokens of the account are revoked by the first one.
func (s *system) mustAddPasskey(t *testing.T, p *person) *passkey {
	t.Helper()
	origin := strings.Replace(strings.TrimSuffix(s.Gateway, "/"), "127.0.0.1", "localhost", 1)
	k := &passkey{
		name: "Nest of " + p.name, site: virtualwebauthn.RelyingParty{ID: "localhost", Name: "Souk", Origin: origin},
		authenticator: virtualwebauthn.NewAuthenticator(), credential: fixtures.Passkey(),
	}
	c := s.mustBeginPasskey(t, p.token, "registration")
	options, err := virtualwebauthn.ParseAttestationOptions(string(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	var created struct{ RecoveryCodes []string }
	r := s.postAs(t, p.token, "/v1/users/me/passkeys", map[string]any{
		"challenge": c.Challenge, "name": k.name, "passkey": virtualwebauthn.CreateAttestationResponse(k.site, k.authenticator, k.credential, *options),
	}).MustBe(t, http.StatusCreated)
	if err := json.Unmarshal(r.Body, &created); err != nil || len(created.RecoveryCodes) == 0 {
		t.Fatalf("%v: no recovery codes in %s", err, r.Body)
	}
	s.canaries.plant(created.RecoveryCodes...)
	s.canaries.plant(k.name)
	return k
}

// mustSignInWithPasskey opens a session with the passkey, and returns the access token.
func (s *system) mustSignInWithPasskey(t *testing.T, p *person) string {
	t.Helper()
	c := s.mustBeginPasskey(t, "", "sign-in")
	options, err := virtualwebauthn.ParseAssertionOptions(string(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	k := p.passkey
	k.authenticator.Options.UserHandle = p.id[:]
	k.credential.Counter++
	var session struct{ AccessToken, RefreshToken string }
	r := s.post(t, "/v1/sessions/confirm", map[string]any{
		"challenge": c.Challenge, "passkey": virtualwebauthn.CreateAssertionResponse(k.site, k.authenticator, k.credential, *options),
	}).MustBe(t, http.StatusCreated)
	if err := json.Unmarshal(r.Body, &session); err != nil {
		t.Fatal(err)
	}
	s.canaries.plant(session.RefreshToken)
	return session.AccessToken
}
