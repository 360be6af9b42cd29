package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/config"
)

// ErrInvalidCheckoutToken is returned for a checkout token that is malformed, forged or expired.
// It is an ErrInvalidToken.
var ErrInvalidCheckoutToken = fmt.Errorf("%w: of a checkout", ErrInvalidToken)

const (
	// checkoutPrefix begins every checkout token. It distinguishes them from access tokens, and
	// lets scanners of repositories and logs find them.
	checkoutPrefix = "souk_checkout_"
	// checkoutVersion is the version of the form of a token. It is part of what is signed.
	checkoutVersion = "1_"
	// minCheckoutKey is the minimum length of a key in bytes, that of the hash (RFC 2104, section 3).
	minCheckoutKey = sha256.Size
	// checkoutClaims is the length of what a token states: id and expiry.
	checkoutClaims = 16 + 8
)

// CheckoutConfig configures checkout tokens.
type CheckoutConfig struct {
	// Keys are random texts of 32 bytes or more, separated by white space. The first signs, all
	// verify. To rotate, add the new key at the end and roll out, then put it first and roll
	// out, and remove the old one when its last token has expired.
	Keys config.Secret `env:"CHECKOUT_TOKEN_KEYS"`
}

// CheckoutTokens signs and verifies the tokens of checkouts: what a guest has in place of an
// account. It is safe for concurrent use.
//
// A token is the prefix, the version and, in base64url, the checkout's id (16 bytes), the time at
// which the token expires (Unix seconds, 8 bytes, big-endian) and HMAC-SHA256 of all of these.
type CheckoutTokens struct{ keys [][]byte }

// NewCheckoutTokens returns new CheckoutTokens. Without keys they verify no token. Its error
// does not quote the keys.
func NewCheckoutTokens(c CheckoutConfig) (*CheckoutTokens, error) {
	tokens := &CheckoutTokens{}
	for i, key := range strings.Fields(c.Keys.Reveal()) {
		if len(key) < minCheckoutKey {
			return nil, fmt.Errorf("CHECKOUT_TOKEN_KEYS: key %d has %d bytes, need %d or more, for example from: openssl rand -base64 %[3]d", i+1, len(key), minCheckoutKey)
		}
		tokens.keys = append(tokens.keys, []byte(key))
	}
	return tokens, nil
}

// Check returns an error if there are no keys.
func (c *CheckoutTokens) Check() error {
	if c == nil || len(c.keys) == 0 {
		return errors.New("CHECKOUT_TOKEN_KEYS must be set: one or more random keys, separated by white space")
	}
	return nil
}

// IsCheckoutToken reports whether a token claims to be a checkout's.
func IsCheckoutToken(token string) bool { return strings.HasPrefix(token, checkoutPrefix) }

// Sign returns a token of a checkout that is valid until a time, in seconds.
func (c *CheckoutTokens) Sign(checkout uuid.UUID, expires time.Time) (string, error) {
	if err := c.Check(); err != nil {
		return "", fmt.Errorf("sign a token of checkout %s: %w", checkout, err)
	}
	if checkout == uuid.Nil || expires.Unix() <= 0 {
		return "", fmt.Errorf("sign a token of checkout %s until %s: need an id and a time", checkout, expires)
	}
	claims := binary.BigEndian.AppendUint64(checkout[:], uint64(expires.Unix()))
	return checkoutPrefix + checkoutVersion + base64.RawURLEncoding.EncodeToString(append(claims, checkoutMAC(c.keys[0], claims)...)), nil
}

// Verify returns the principal of a checkout token. The error is ErrInvalidCheckoutToken.
func (c *CheckoutTokens) Verify(token string, now time.Time) (Principal, error) {
	text, found := strings.CutPrefix(token, checkoutPrefix+checkoutVersion)
	if !found {
		return Principal{}, fmt.Errorf("%w: of another version", ErrInvalidCheckoutToken)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	// No two texts are the same token: the decoder ignores line breaks and unused bits.
	if err != nil || len(raw) != checkoutClaims+sha256.Size || base64.RawURLEncoding.EncodeToString(raw) != text {
		return Principal{}, fmt.Errorf("%w: malformed", ErrInvalidCheckoutToken)
	}
	claims, mac := raw[:checkoutClaims], raw[checkoutClaims:]
	if !c.signed(claims, mac) {
		return Principal{}, fmt.Errorf("%w: wrong signature", ErrInvalidCheckoutToken)
	}
	expires := binary.BigEndian.Uint64(claims[len(uuid.UUID{}):])
	if now.Unix() < 0 || uint64(now.Unix()) >= expires {
		return Principal{}, fmt.Errorf("%w: expired", ErrInvalidCheckoutToken)
	}
	return Principal{UserID: uuid.UUID(claims[:len(uuid.UUID{})]), Role: Guest}, nil
}

// signed reports whether one of the keys has signed the claims.
func (c *CheckoutTokens) signed(claims, mac []byte) (signed bool) {
	if c == nil {
		return false
	}
	for _, key := range c.keys {
		signed = hmac.Equal(mac, checkoutMAC(key, claims)) || signed
	}
	return signed
}

func checkoutMAC(key, claims []byte) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(checkoutPrefix + checkoutVersion)) // never returns an error
	_, _ = mac.Write(claims)
	return mac.Sum(nil)
}
