package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"souk/shared/clock"
	"souk/shared/manifest"
)

// accessTokenType is the `typ` header of an access token (RFC 9068, section
// 2.1). It distinguishes access tokens from other tokens of the same key, for example
// of an e-mail confirmation.
const accessTokenType = "at+jwt"

// AccessTokenTTL is the longest time for which the shop signs an access token.
const AccessTokenTTL = 15 * time.Minute

// AccessTokenLifetime is the time after which no token is accepted that was signed
// for AccessTokenTTL, by clocks that differ.
const AccessTokenLifetime = AccessTokenTTL + 2*leeway

// Config selects the access tokens to accept. With any field missing, all are refused.
type Config struct {
	Issuer   string `env:"AUTH_ISSUER"`
	Audience string `env:"AUTH_AUDIENCE"`
	// KeysURL is where the issuer publishes its public keys (a JWKS).
	KeysURL string `env:"AUTH_JWKS_URL"`
}

// accessClaims are the claims of an access token beyond the standard ones.
type accessClaims struct {
	// Role is the role as the release before this one knows it: that of an owner is formerAdmin,
	// and all others are Customer. Its programs verify tokens during a rollout.
	Role Role `json:"role"`
	// StaffRole is the role of staff. A token of the release before has none.
	StaffRole Role `json:"staff_role,omitempty"`
	// Scope lists the permissions of the role (RFC 9068, section 2.2.3), at most all: 300 bytes.
	Scope string `json:"scope,omitempty"`
	// SessionID is a UUID; the name is OpenID Connect's
	// (https://openid.net/specs/openid-connect-frontchannel-1_0.html, section 3).
	SessionID     string `json:"sid,omitempty"`
	RightsVersion int64  `json:"rights_version,omitempty"`
}

func newAccessClaims(p Principal) accessClaims {
	claims := accessClaims{Role: Customer, RightsVersion: p.RightsVersion}
	if p.Role.IsStaff() {
		claims.StaffRole, claims.Scope = p.Role, p.Permissions.String()
	}
	if p.Role == Owner {
		claims.Role = formerAdmin
	}
	if p.SessionID != uuid.Nil {
		claims.SessionID = p.SessionID.String()
	}
	return claims
}

// rights returns the role and the permissions of a token, and reports whether they are valid.
func (c accessClaims) rights() (Role, manifest.PermissionSet, bool) {
	switch {
	case c.StaffRole == "" && c.Role == formerAdmin: // a token of the release before
		return Owner, manifest.AllPermissions(), true
	case c.StaffRole == "":
		return Customer, 0, c.Role == Customer
	default:
		return c.StaffRole, manifest.ParsePermissionSet(c.Scope), c.StaffRole.IsStaff()
	}
}

func (c accessClaims) sessionID() (uuid.UUID, error) {
	if c.SessionID == "" {
		return uuid.Nil, nil
	}
	return uuid.Parse(c.SessionID)
}

// Verifier verifies access tokens. It is safe for concurrent use.
type Verifier struct {
	rules      cachingRules[accessClaims]
	configured bool
}

// NewVerifier returns a new Verifier. It does no I/O: keys are fetched when the first
// token is verified.
func NewVerifier(c Config, now clock.Clock) *Verifier {
	return &Verifier{
		rules: cachingRules[accessClaims]{tokenRules: tokenRules{
			issuers:  []string{c.Issuer},
			audience: c.Audience,
			types:    []string{accessTokenType, "application/" + accessTokenType},
			keys:     newKeySet(c.KeysURL, jose.ES256, now),
		}},
		configured: c.Issuer != "" && c.Audience != "" && c.KeysURL != "",
	}
}

// Verify returns the caller that an access token identifies. The error is
// ErrInvalidToken, ErrKeysUnavailable or the context's.
func (v *Verifier) Verify(ctx context.Context, rawToken string) (Principal, error) {
	if !v.configured {
		return Principal{}, fmt.Errorf("%w: AUTH_ISSUER, AUTH_AUDIENCE and AUTH_JWKS_URL are not all set", ErrInvalidToken)
	}
	claims, private, err := v.rules.verify(ctx, rawToken)
	if err != nil {
		return Principal{}, fmt.Errorf("verify access token: %w", err)
	}
	id, err := uuid.Parse(claims.Subject)
	if err != nil || id == uuid.Nil {
		return Principal{}, fmt.Errorf("verify access token: %w: the subject is not a user id", ErrInvalidToken)
	}
	role, permissions, valid := private.rights()
	if !valid {
		return Principal{}, fmt.Errorf("verify access token: %w: unknown role", ErrInvalidToken)
	}
	sessionID, err := private.sessionID()
	if err != nil {
		return Principal{}, fmt.Errorf("verify access token: %w: sid is not a session id", ErrInvalidToken)
	}
	return Principal{UserID: id, Role: role, Permissions: permissions, SessionID: sessionID, RightsVersion: private.RightsVersion}, nil
}
