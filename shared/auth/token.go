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
	// leeway is how far two clocks may be apart.
	leeway = 30 * time.Second
	// maxTokenBytes is far more than our tokens or Google's need, and little
	// enough that reading one costs nothing.
	maxTokenBytes = 8 << 10
)

// tokenRules is what makes a signed token (JWT) a good one.
type tokenRules struct {
	issuers  []string
	audience string
	// audiencePrefix, if there is one, is how every audience begins, in place of audience.
	audiencePrefix string
	types          []string // the `typ` header, lower case: what the token is for
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
	if err := r.check(claims); err != nil {
		return claims, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	return claims, nil
}

// verifyClaims is verify for a token whose signature someone else has checked
// and taken away.
func (r tokenRules) verifyClaims(_ context.Context, raw string, private any) (jwt.Claims, error) {
	var claims jwt.Claims
	token, err := r.parse(raw)
	if err != nil {
		return claims, err
	}
	if err := token.UnsafeClaimsWithoutVerification(&claims, private); err != nil {
		return claims, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	if err := r.check(claims); err != nil {
		return claims, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	}
	return claims, nil
}

// parse reads a token and checks what its header says.
func (r tokenRules) parse(raw string) (*jwt.JSONWebToken, error) {
	if len(raw) > maxTokenBytes {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrInvalidToken, maxTokenBytes)
	}
	// The algorithm is ours to choose, never the token's: "none", or a public
	// key used as an HMAC secret, end here (RFC 8725, section 3.1).
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
