package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	// leeway is the accepted difference between two clocks.
	leeway = 30 * time.Second
	// maxTokenBytes is well above the size of our tokens and Google's, and small
	// enough to parse cheaply.
	maxTokenBytes = 8 << 10
)

// tokenRules are the conditions that a signed token (JWT) must meet.
type tokenRules struct {
	issuers  []string
	audience string
	// audiencePrefix, if not empty, is required of every audience, in place of audience.
	audiencePrefix string
	types          []string // the accepted `typ` headers, lower case: the token's purpose
	keys           *keySet
}

// verify checks a token's form, signature and standard claims, and decodes its
// other claims into private. The error is ErrInvalidToken, ErrKeysUnavailable
// or the context's.
func (r tokenRules) verify(ctx context.Context, raw string, private any) (jwt.Claims, error) {
	var claims jwt.Claims
	token, err := r.parse(raw)
	if err != nil {
		return claims, err
	}
	key, err := r.keys.key(ctx, token.Headers[0].KeyID)
	if err != nil {
		return claims, err
	}
	if err := token.Claims(key.Key, &claims, private); err != nil {
		return claims, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	return claims, r.checkClaims(claims)
}

// verifyClaims is like verify, for a token whose signature has been checked and removed
// by another system.
func (r tokenRules) verifyClaims(_ context.Context, raw string, private any) (jwt.Claims, error) {
	var claims jwt.Claims
	token, err := r.parse(raw)
	if err != nil {
		return claims, err
	}
	if err := token.UnsafeClaimsWithoutVerification(&claims, private); err != nil {
		return claims, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	return claims, r.checkClaims(claims)
}

// parse parses a token and checks its header.
func (r tokenRules) parse(raw string) (*jwt.JSONWebToken, error) {
	if len(raw) > maxTokenBytes {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrInvalidToken, maxTokenBytes)
	}
	// The key set defines the algorithm, not the token: this refuses "none" and a
	// public key used as an HMAC secret (RFC 8725, section 3.1).
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{r.keys.algorithm})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	header := token.Headers[0]
	kind, _ := header.ExtraHeaders[jose.HeaderType].(string)
	if !slices.Contains(r.types, strings.ToLower(kind)) {
		return nil, fmt.Errorf("%w: a token of another type", ErrInvalidToken)
	}
	if header.KeyID == "" {
		return nil, fmt.Errorf("%w: no key id", ErrInvalidToken)
	}
	return token, nil
}

// checkClaims checks the standard claims of a token. The error is ErrInvalidToken.
func (r tokenRules) checkClaims(claims jwt.Claims) error {
	if err := r.check(claims); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	return nil
}

func (r tokenRules) check(claims jwt.Claims) error {
	if !slices.Contains(r.issuers, claims.Issuer) {
		return jwt.ErrInvalidIssuer
	}
	if claims.Expiry == nil {
		return errors.New("never expires")
	}
	expected := jwt.Expected{AnyAudience: jwt.Audience{r.audience}, Time: r.keys.now()}
	if r.audiencePrefix != "" {
		if len(claims.Audience) == 0 || slices.ContainsFunc(claims.Audience, func(a string) bool { return !strings.HasPrefix(a, r.audiencePrefix) }) {
			return jwt.ErrInvalidAudience
		}
		expected.AnyAudience = nil
	}
	return claims.ValidateWithLeeway(expected, leeway)
}
