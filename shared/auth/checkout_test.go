package auth

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/config"
)

// checkoutKey returns a key of 32 bytes.
func checkoutKey(letter string) string { return strings.Repeat(letter, minCheckoutKey) }

func mustCheckoutTokens(t testing.TB, keys ...string) *CheckoutTokens {
	t.Helper()
	tokens, err := NewCheckoutTokens(CheckoutConfig{Keys: config.NewSecret(strings.Join(keys, "\n"))})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func mustSignCheckout(t testing.TB, tokens *CheckoutTokens, id uuid.UUID, expires time.Time) string {
	t.Helper()
	token, err := tokens.Sign(id, expires)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestCheckoutTokens(t *testing.T) {
	t.Parallel()
	id, expires := uuid.New(), testStart.Add(time.Hour)
	before, after := checkoutKey("a"), checkoutKey("b")
	token := mustSignCheckout(t, mustCheckoutTokens(t, before), id, expires)
	want := Principal{UserID: id, Role: Guest}
	if !IsCheckoutToken(token) || !isB64Token(token) {
		t.Errorf("%q is not a bearer token with the prefix of checkouts", token)
	}

	for name, keys := range map[string][]string{
		"its key": {before}, "the next key, added": {before, after}, "the next key, first": {after, before},
	} {
		for _, now := range []time.Time{testStart, expires.Add(-time.Second)} {
			if got, err := mustCheckoutTokens(t, keys...).Verify(token, now); err != nil || got != want {
				t.Errorf("with %s at %s: got %v, %v", name, now, got, err)
			}
		}
	}
	if got := mustSignCheckout(t, mustCheckoutTokens(t, after, before), id, expires); got == token {
		t.Error("the first key does not sign")
	}
	for name, keys := range map[string]*CheckoutTokens{
		"another key": mustCheckoutTokens(t, after), "no key": mustCheckoutTokens(t), "no tokens": nil,
	} {
		requireRefusedCheckout(t, name, keys, token, testStart)
	}
	requireRefusedCheckout(t, "its expiry", mustCheckoutTokens(t, before), token, expires)
}

func requireRefusedCheckout(t *testing.T, name string, tokens *CheckoutTokens, token string, now time.Time) {
	t.Helper()
	got, err := tokens.Verify(token, now)
	if !errors.Is(err, ErrInvalidCheckoutToken) || !errors.Is(err, ErrInvalidToken) || got != (Principal{}) {
		t.Errorf("%s: got %v, %v; want ErrInvalidCheckoutToken and no principal", name, got, err)
	}
	if len(token) > minCheckoutKey && err != nil && strings.Contains(err.Error(), strings.TrimPrefix(token, checkoutPrefix)) {
		t.Errorf("%s: the error quotes the token: %v", name, err)
	}
}

// TestCheckoutTokenHasOneText changes every character and every bit of a token: no other text is
// valid.
func TestCheckoutTokenHasOneText(t *testing.T) {
	t.Parallel()
	tokens := mustCheckoutTokens(t, checkoutKey("a"))
	token := mustSignCheckout(t, tokens, uuid.New(), testStart.Add(time.Hour))
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.="
	for i := range token {
		for _, c := range alphabet {
			if changed := token[:i] + string(c) + token[i+1:]; changed != token {
				requireRefusedCheckout(t, changed, tokens, changed, testStart)
			}
		}
		requireRefusedCheckout(t, "truncated", tokens, token[:i], testStart)
	}
	for _, added := range []string{"A", "=", "\n", token} {
		requireRefusedCheckout(t, "with an addition", tokens, token+added, testStart)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, checkoutPrefix+checkoutVersion))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(raw) {
		raw[i/8] ^= 1 << (i % 8)
		requireRefusedCheckout(t, "with a changed bit", tokens, checkoutPrefix+checkoutVersion+base64.RawURLEncoding.EncodeToString(raw), testStart)
		raw[i/8] ^= 1 << (i % 8)
	}
}

func TestCheckoutKeys(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"short", checkoutKey("a") + " short", checkoutKey("a")[1:]} {
		_, err := NewCheckoutTokens(CheckoutConfig{Keys: config.NewSecret(text)})
		if err == nil || strings.Contains(err.Error(), "short") || !strings.Contains(err.Error(), "CHECKOUT_TOKEN_KEYS") {
			t.Errorf("%q: got %v, want an error that does not quote it", text, err)
		}
	}
	for _, tokens := range []*CheckoutTokens{nil, mustCheckoutTokens(t)} {
		if err := tokens.Check(); err == nil {
			t.Error("tokens without a key pass the check")
		}
		if token, err := tokens.Sign(uuid.New(), testStart); err == nil {
			t.Errorf("signed %q without a key", token)
		}
	}
	tokens := mustCheckoutTokens(t, checkoutKey("a"))
	if err := tokens.Check(); err != nil {
		t.Error(err)
	}
	if token, err := tokens.Sign(uuid.Nil, testStart); err == nil {
		t.Errorf("signed %q for no checkout", token)
	}
	if token, err := tokens.Sign(uuid.New(), time.Time{}); err == nil {
		t.Errorf("signed %q without an expiry", token)
	}
}
