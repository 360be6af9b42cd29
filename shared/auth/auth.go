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

// Principal is an authenticated caller.
type Principal struct {
	// UserID is the id of the account or, of a Guest, that of the checkout, which no account
	// has. It is uuid.Nil for a Key.
	UserID uuid.UUID
	// KeyID is the id of a Key, and uuid.Nil for others.
	KeyID uuid.UUID
	Role  Role
	// Permissions are those of the role of staff, or of the key.
	Permissions manifest.PermissionSet
	// SessionID identifies the login that the token originates from, through all
	// refreshes. It is uuid.Nil for a token that does not come from a login.
	SessionID uuid.UUID
	// RightsVersion is how often all tokens of the user had been revoked when this one
	// was signed. It is 0 for a token signed before the first revocation.
	RightsVersion int64
}

type principalKey struct{}

// ID returns the id of the account, checkout or key.
func (p Principal) ID() uuid.UUID {
	if p.Role == Key {
		return p.KeyID
	}
	return p.UserID
}

// Can reports whether the caller is staff or a key with a permission.
func (p Principal) Can(needed manifest.Permission) bool {
	return (p.Role == Key || p.Role.IsStaff()) && p.Permissions.Has(needed)
}

// MayRead reports whether the caller is the owner of a resource, or has the permission for those of
// others. Operations respond to others as if the resource did not exist. The zero id is no owner.
func (p Principal) MayRead(owner uuid.UUID, needed manifest.Permission) bool {
	return owner != uuid.Nil && owner == p.UserID || p.Can(needed)
}

// WithPrincipal returns a context that carries the caller.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns the authenticated caller and reports whether there is one.
func PrincipalFrom(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// MissingPermissionError is the ErrForbidden of a caller without a permission.
type MissingPermissionError struct {
	Role   Role
	Needed manifest.Permission
}

// Error implements error.
func (e *MissingPermissionError) Error() string {
	return fmt.Sprintf("role %q lacks the permission %s: %s", e.Role, e.Needed, ErrForbidden)
}

// Unwrap returns ErrForbidden.
func (e *MissingPermissionError) Unwrap() error { return ErrForbidden }

// Require returns a MissingPermissionError for a caller without a permission.
func (p Principal) Require(needed manifest.Permission) error {
	if p.Can(needed) {
		return nil
	}
	return &MissingPermissionError{p.Role, needed}
}

// Authorize checks whether a caller may use a function. It returns nil, ErrUnauthenticated, a
// MissingPermissionError or ErrForbidden. An unknown access rule refuses every caller.
func Authorize(f manifest.Function, p Principal, authenticated bool) error {
	needed, forStaff := f.Access.Permission()
	switch {
	case !forStaff && f.Access != manifest.Anyone && f.Access != manifest.User && f.Access != manifest.Checkout:
		return fmt.Errorf("access rule %q: %w", f.Access, ErrForbidden)
	case !authenticated && f.Access == manifest.Anyone:
		return nil
	case !authenticated:
		return ErrUnauthenticated
	case forStaff:
		return p.Require(needed)
	case p.Role == Key && f.Others != "": // a key owns nothing
		return p.Require(f.Others)
	case p.Role.Valid(), p.Role == Guest && f.Access == manifest.Checkout:
		return nil
	}
	return fmt.Errorf("role %q, access %q: %w", p.Role, f.Access, ErrForbidden)
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
