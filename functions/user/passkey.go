package user

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/config"
)

// maxPasskeys is the maximum number of passkeys of an account.
const maxPasskeys = 20

// passkeySettings are the environment variables of passkeys.
type passkeySettings struct {
	// Domain is the relying party id of the passkeys: the domain of the pages where they are used,
	// or one above it. Passkeys belong to it, so that it cannot change. Without it there are none.
	Domain string `env:"USER_PASSKEY_DOMAIN"`
	// Origins are the origins of these pages.
	Origins []string `env:"USER_PASSKEY_ORIGINS"`
}

// passkeyFunctions are the functions that use passkeys.
var passkeyFunctions = []string{"session-confirm", "passkey-challenge", "passkey-create"}

// loadPasskeys loads the settings of passkeys.
func (s *service) loadPasskeys() error {
	settings, err := config.Load[passkeySettings](s.Environment)
	if err != nil || settings.Domain == "" {
		return err
	}
	if err := settings.validate(); err != nil {
		return err
	}
	s.webAuthn, err = webauthn.New(&webauthn.Config{
		RPID: settings.Domain, RPDisplayName: "Souk", RPOrigins: settings.Origins,
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			// The authenticator verifies its user by a PIN or a fingerprint: it is both factors.
			UserVerification: protocol.VerificationRequired,
		},
		// Password managers return outputs of extensions that nothing requested.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return fmt.Errorf("USER_PASSKEY_DOMAIN, USER_PASSKEY_ORIGINS: %w", err)
	}
	return nil
}

// validate returns an error for an origin that is not one of the domain.
func (p passkeySettings) validate() error {
	if len(p.Origins) == 0 {
		return errors.New("USER_PASSKEY_ORIGINS must be set with USER_PASSKEY_DOMAIN: origins such as https://shop.example.com, separated by commas")
	}
	for _, origin := range p.Origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme+"://"+u.Host != origin || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost") {
			return fmt.Errorf("USER_PASSKEY_ORIGINS has %q: expected an origin such as https://shop.example.com, without a path; http is for localhost only", origin)
		}
		if host := u.Hostname(); host != p.Domain && !strings.HasSuffix(host, "."+p.Domain) {
			return fmt.Errorf("USER_PASSKEY_ORIGINS has %q, which is not in the domain %s", origin, p.Domain)
		}
	}
	return nil
}

// passkeyAlgorithms are those that authenticators implement, which have short keys.
var passkeyAlgorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// passkey is a stored WebAuthn credential.
type passkey struct {
	ID             uuid.UUID
	UserID         uuid.UUID
	Name           string
	CredentialID   []byte
	PublicKey      []byte
	SignCount      int64
	BackupEligible bool
	Transports     []string
	CreatedAt      time.Time
}

// credential returns the passkey as the library knows it.
func (p passkey) credential() webauthn.Credential {
	c := webauthn.Credential{
		ID: p.CredentialID, PublicKey: p.PublicKey,
		Flags:         webauthn.CredentialFlags{UserPresent: true, UserVerified: true, BackupEligible: p.BackupEligible},
		Authenticator: webauthn.Authenticator{SignCount: uint32(p.SignCount)},
	}
	for _, transport := range p.Transports {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(transport))
	}
	return c
}

// passkeyOwner is an account with its passkeys. It implements webauthn.User.
type passkeyOwner struct {
	id          uuid.UUID
	name        string
	displayName string
	passkeys    []passkey
}

func (o passkeyOwner) WebAuthnID() []byte          { return o.id[:] }
func (o passkeyOwner) WebAuthnName() string        { return o.name }
func (o passkeyOwner) WebAuthnDisplayName() string { return o.displayName }

func (o passkeyOwner) WebAuthnCredentials() []webauthn.Credential {
	var credentials []webauthn.Credential
	for _, p := range o.passkeys {
		credentials = append(credentials, p.credential())
	}
	return credentials
}

// exclusions returns the descriptors of the passkeys, which authenticators that have one of them
// refuse to add again.
func (o passkeyOwner) exclusions() []protocol.CredentialDescriptor {
	var descriptors []protocol.CredentialDescriptor
	for _, c := range o.WebAuthnCredentials() {
		descriptors = append(descriptors, c.Descriptor())
	}
	return descriptors
}

// checkPasskeys returns a problem if the shop has no domain for passkeys.
func (s *service) checkPasskeys() error {
	if s.webAuthn == nil {
		return api.NewProblem(http.StatusConflict, "passkeys_off", "The shop does not offer passkeys. Sign in with a password: POST /v1/sessions.")
	}
	return nil
}

// transports are the names of transports that are stored.
var transports = []protocol.AuthenticatorTransport{protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal}

// knownTransports returns the names of known transports of a new credential.
func knownTransports(c *webauthn.Credential) (known []string) {
	for _, transport := range transports {
		if slices.Contains(c.Transport, transport) {
			known = append(known, string(transport))
		}
	}
	return known
}
