package auth

import (
	"errors"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const testIAPAudience = "/projects/1234567890/global/backendServices/42"

// TestIAP verifies requests to admin functions behind Identity-Aware Proxy. The
// Authorization header belongs to the shop and is not read.
func TestIAP(t *testing.T) {
	t.Parallel()
	key, other := mustECKey(t, mustGenerateKey(t)), mustECKey(t, mustGenerateKey(t))
	server := newKeyServer(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	clock := &testClock{}
	verifier := NewIAPVerifier(IAPConfig{ProjectNumber: "1234567890", Issuer: "https://cloud.google.com/iap", KeysURL: server.URL}, clock.Now)
	claims := func(changes map[string]any) map[string]any {
		c := map[string]any{
			"iss": "https://cloud.google.com/iap", "aud": testIAPAudience, "sub": "accounts.google.com:1", "email": "staff@example.com",
			"iat": testStart.Unix(), "exp": testStart.Add(10 * time.Minute).Unix(),
		}
		maps.Copy(c, changes)
		return c
	}
	good := mustMint(t, key, "JWT", claims(nil))
	for name, header := range map[string]http.Header{
		"the proxy's assertion":                       {HeaderIAPAssertion: {good}},
		"the assertion and the shop's token":          {HeaderIAPAssertion: {good}, "Authorization": {"Bearer of-the-shop"}},
		"the assertion and any Authorization headers": {HeaderIAPAssertion: {good}, "Authorization": {"Basic eA==", "Bearer x"}},
	} {
		t.Run("accepts "+name, func(t *testing.T) {
			t.Parallel()
			if err := verifier.Verify(t.Context(), header); err != nil {
				t.Error(err)
			}
		})
	}
	for name, header := range map[string]http.Header{
		"no header":                            {},
		"the assertion in Authorization":       {"Authorization": {"Bearer " + good}},
		"the assertion in Proxy-Authorization": {"Proxy-Authorization": {"Bearer " + good}},
		"two headers":                          {HeaderIAPAssertion: {good, good}},
		"an empty header":                      {HeaderIAPAssertion: {""}},
		"the e-mail header alone":              {"X-Goog-Authenticated-User-Email": {"accounts.google.com:staff@example.com"}},
		"another key":                          {HeaderIAPAssertion: {mustMint(t, other, "JWT", claims(nil))}},
		"no signature":                         {HeaderIAPAssertion: {mustMintUnsigned(t, map[string]any{"alg": "none", "kid": key.id}, claims(nil))}},
		"another project":                      {HeaderIAPAssertion: {mustMint(t, key, "JWT", claims(map[string]any{"aud": "/projects/12345678901/global/backendServices/42"}))}},
		"a second project":                     {HeaderIAPAssertion: {mustMint(t, key, "JWT", claims(map[string]any{"aud": []string{testIAPAudience, "/projects/1/apps/a"}}))}},
		"no audience":                          {HeaderIAPAssertion: {mustMint(t, key, "JWT", claims(map[string]any{"aud": nil}))}},
		"another issuer":                       {HeaderIAPAssertion: {mustMint(t, key, "JWT", claims(map[string]any{"iss": "https://accounts.google.com"}))}},
		"an assertion that expired":            {HeaderIAPAssertion: {mustMint(t, key, "JWT", claims(map[string]any{"exp": testStart.Add(-time.Minute).Unix()}))}},
		"an access token of the shop":          {HeaderIAPAssertion: {mustMint(t, key, accessTokenType, claims(nil))}},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			if err := verifier.Verify(t.Context(), header); !errors.Is(err, ErrForbidden) {
				t.Errorf("got %v, want ErrForbidden", err)
			}
		})
	}
	t.Run("requires no assertion without a project", func(t *testing.T) {
		t.Parallel()
		if err := NewIAPVerifier(IAPConfig{}, clock.Now).Verify(t.Context(), http.Header{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("returns ErrKeysUnavailable without keys", func(t *testing.T) {
		t.Parallel()
		v := NewIAPVerifier(IAPConfig{ProjectNumber: "1234567890", Issuer: "https://cloud.google.com/iap", KeysURL: "http://127.0.0.1:1"}, clock.Now)
		if err := v.Verify(t.Context(), http.Header{HeaderIAPAssertion: {good}}); !errors.Is(err, ErrKeysUnavailable) {
			t.Errorf("got %v, want ErrKeysUnavailable", err)
		}
	})
}
