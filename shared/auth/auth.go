// Package auth says who a caller is and what a caller may do: access tokens
// and the keys that sign them, the tokens Pub/Sub pushes with, and roles.
// Whatever it is not told to allow, it refuses.
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

// Errors a caller of this package tells apart with errors.Is. None of them, and
// nothing wrapped around them, quotes a token.
var (
	// ErrUnauthenticated: there is no token. HTTP 401.
	ErrUnauthenticated = errors.New("no access token")
	// ErrInvalidToken: there is a token, and it is not good. HTTP 401.
	ErrInvalidToken = errors.New("invalid token")
	// ErrRevoked: the token was valid until its rights or its session ended. HTTP 401.
	ErrRevoked = errors.New("revoked token")
	// ErrForbidden: the caller is known, and may not do this. HTTP 403.
	ErrForbidden = errors.New("not allowed")
	// ErrKeysUnavailable: the keys that tell a good token from a bad one cannot
	// be fetched. It says nothing about the token. HTTP 503.
	ErrKeysUnavailable = errors.New("signing keys unavailable")
)

// Role is what an account is in the shop.
type Role string

// The roles there are. A token with any other role is refused.
const (
	Customer Role = "customer"
	Admin    Role = "admin"
)

// Valid reports whether the role is one of those there are.
func (r Role) Valid() bool { return r == Customer || r == Admin }

// Scan reads a role from the database. A stored value that is not a role, which older
// versions accepted, reads as Customer: it gives no more rights than that, and its
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
	// SessionID is the login that the token comes of, however often it was
	// refreshed since. A token that no login made has none.
	SessionID uuid.UUID
	// RightsVersion counts the times that all tokens of the user were revoked before
	// this one was signed. A token without it is older than all of them.
	RightsVersion int64
}

type principalKey struct{}

// WithPrincipal returns a context that carries the caller.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns the caller, and whether there is an authenticated one.
func PrincipalFrom(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// Authorize says whether a caller may use a function: nil, ErrUnauthenticated
// or ErrForbidden. An access rule it does not know lets nobody in.
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

// BearerToken returns the token of the Authorization header as RFC 6750,
// section 2.1, writes it. Without the header it returns ErrUnauthenticated; for
// another scheme, a malformed token or more than one header (two readers could
// pick different ones), ErrInvalidToken.
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

// isB64Token checks RFC 6750's b64token: 1*( ALPHA / DIGIT / "-" / "." / "_" /
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
