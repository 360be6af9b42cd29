package user

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

// passkeyDomain is the domain of the passkeys in tests.
const passkeyDomain = "shop.example.com"

// device is a software authenticator with one passkey, and the browser that uses it.
type device struct {
	site          virtualwebauthn.RelyingParty
	authenticator virtualwebauthn.Authenticator
	credential    virtualwebauthn.Credential
}

func newDevice() *device {
	return &device{
		site:          virtualwebauthn.RelyingParty{ID: passkeyDomain, Name: "Souk", Origin: "https://" + passkeyDomain},
		authenticator: virtualwebauthn.NewAuthenticator(), credential: fixtures.Passkey(),
	}
}

// ceremony is the response of passkey-challenge.
type ceremony struct {
	Challenge string          `json:"challenge"`
	Options   json.RawMessage `json:"options"`
}

func (s server) beginPasskey(t *testing.T, token, purpose string) functiontest.Response {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/passkeys/challenges", token, object{"purpose": purpose})
}

func (s server) mustBeginPasskey(t *testing.T, token, purpose string) (c ceremony) {
	t.Helper()
	s.beginPasskey(t, token, purpose).MustBe(t, http.StatusCreated).Into(t, &c)
	return c
}

// create returns the response of navigator.credentials.create.
func (d *device) create(t *testing.T, c ceremony) string {
	t.Helper()
	options, err := virtualwebauthn.ParseAttestationOptions(string(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	return virtualwebauthn.CreateAttestationResponse(d.site, d.authenticator, d.credential, *options)
}

// get returns the response of navigator.credentials.get for an account, with the next value of
// the signature counter.
func (d *device) get(t *testing.T, c ceremony, account uuid.UUID) string {
	t.Helper()
	options, err := virtualwebauthn.ParseAssertionOptions(string(c.Options))
	if err != nil {
		t.Fatal(err)
	}
	d.authenticator.Options.UserHandle = account[:]
	d.credential.Counter++
	return virtualwebauthn.CreateAssertionResponse(d.site, d.authenticator, d.credential, *options)
}

func (s server) addPasskey(t *testing.T, token string, c ceremony, response string) functiontest.Response {
	t.Helper()
	return s.call(t, http.MethodPost, "/v1/users/me/passkeys", token, object{"challenge": c.Challenge, "name": "Key ring", "passkey": response})
}

// mustAddPasskey registers the passkey of a new device for the account of a token.
func (s server) mustAddPasskey(t *testing.T, token string) *device {
	t.Helper()
	d := newDevice()
	c := s.mustBeginPasskey(t, token, purposeRegistration)
	s.addPasskey(t, token, c, d.create(t, c)).MustBe(t, http.StatusCreated)
	return d
}

func (s server) completePasskey(t *testing.T, c ceremony, response string) functiontest.Response {
	t.Helper()
	return s.post(t, "/v1/sessions/confirm", object{"challenge": c.Challenge, "passkey": response})
}
