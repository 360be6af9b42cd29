// Package auth authenticates and authorizes callers: access tokens and the keys that
// sign them, the tokens of Pub/Sub push requests, and roles. What is not explicitly
// allowed is refused.
package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"souk/shared/manifest"
)

// Errors that callers of this package distinguish with errors.Is. Neither they nor the
// errors that wrap them quote a token.
var (
	// ErrUnauthenticated is returned for a request without a token. HTTP 401.
	ErrUnauthenticated = errors.New("no access token")
	// ErrInvalidToken is returned for a token that is malformed, forged or expired. HTTP 401.
	ErrInvalidToken = errors.New("invalid token")
	// ErrRevoked is returned for a valid token whose rights or session have ended. HTTP 401.
	ErrRevoked = errors.New("revoked token")
	// ErrForbidden is returned for an authenticated caller without permission. HTTP 403.
	ErrForbidden = errors.New("not allowed")
	// ErrKeysUnavailable is returned when the keys that verify a token cannot be fetched;
	// the token may be valid. HTTP 503.
	ErrKeysUnavailable = errors.New("signing keys unavailable")
)

// Role is an account's role in the shop.
type Role string

// The roles. A token with any other role is refused.
const (
	Customer Role = "customer"
	Admin    Role = "admin"
)

// Valid reports whether the role is one of the constants.
func (r Role) Valid() bool { return r == Customer || r == Admin }

// Scan reads a role from the database. A stored value that is not a role, which older
// versions accepted, reads as Customer: that is the role with the fewest rights, and the
// account can still be read, signed in to and changed.
func (r *Role) Scan(column any) error {
	switch value := column.(type) {
	case []byte:
		*r = Role(value)
	case string:
		*r = Role(value)
	default:
		return fmt.Errorf("read a role: the column is a %T", column)
	}
	if !r.Valid() {
		*r = Customer
	}
	return nil
}

// Principal is an authenticated caller.
type Principal struct {
	UserID uuid.UUID
	Role   Role
	// SessionID identifies the login that the token originates from, through all
	// refreshes. It is uuid.Nil for a token that does not come from a login.
	SessionID uuid.UUID
	// RightsVersion is how often all tokens of the user had been revoked when this one
	// was signed. It is 0 for a token signed before the first revocation.
	RightsVersion int64
}

type principalKey struct{}

// WithPrincipal returns a context that carries the caller.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns the authenticated caller and reports whether there is one.
func PrincipalFrom(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// Authorize checks whether a caller may use a function. It returns nil,
// ErrUnauthenticated or ErrForbidden. An unknown access rule refuses every caller.
func Authorize(access manifest.Access, p Principal, authenticated bool) error {
	switch access {
	case manifest.Anyone:
		return nil
	case manifest.User, manifest.Admin:
		if !authenticated {
			return ErrUnauthenticated
		}
	default:
		return fmt.Errorf("access rule %q: %w", access, ErrForbidden)
	}
	if p.Role == Admin || (access == manifest.User && p.Role == Customer) {
		return nil
	}
	return fmt.Errorf("role %q, access %q: %w", p.Role, access, ErrForbidden)
}

// BearerToken returns the token of the Authorization header (RFC 6750, section 2.1).
// It returns ErrUnauthenticated without the header, and ErrInvalidToken for another
// scheme, a malformed token or more than one header: two readers could choose
// different ones.
func BearerToken(header http.Header) (string, error) {
	values := header.Values("Authorization")
	if len(values) == 0 {
		return "", ErrUnauthenticated
	}
	if len(values) > 1 {
		return "", fmt.Errorf("%w: %d Authorization headers", ErrInvalidToken, len(values))
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", fmt.Errorf("%w: the Authorization scheme is not Bearer", ErrInvalidToken)
	}
	token = strings.TrimLeft(token, " ")
	if !isB64Token(token) {
		return "", fmt.Errorf("%w: malformed bearer token", ErrInvalidToken)
	}
	return token, nil
}

// isB64Token reports whether a token is RFC 6750's b64token: 1*( ALPHA / DIGIT / "-" / "." / "_" /
// "~" / "+" / "/" ) *"=".
func isB64Token(token string) bool {
	token = strings.TrimRight(token, "=")
	if token == "" {
		return false
	}
	return strings.IndexFunc(token, func(r rune) bool {
		alphanumeric := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !alphanumeric && !strings.ContainsRune("-._~+/", r)
	}) < 0
}
