package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const testServiceAccount = "push@shop.iam.gserviceaccount.com"

// googlePushClaims are the claims of Google's own example:
// https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
func googlePushClaims() map[string]any {
	return map[string]any{
		"aud": "https://product.example/stock-reserve", "azp": "113774264463038321964",
		"email": testServiceAccount, "email_verified": true, "sub": "113774264463038321964",
		"iat": testStart.Unix(), "exp": testStart.Add(time.Hour).Unix(), "iss": googleIssuer,
	}
}

func newTestPushVerifier(url string, clock *testClock) *PushVerifier {
	return NewPushVerifier(PushConfig{
		Issuer: googleIssuer, KeysURL: url,
		Audience: "https://product.example/stock-reserve", ServiceAccount: testServiceAccount,
	}, clock.Now)
}

func TestPushVerifier(t *testing.T) {
	t.Parallel()
	key := mustRSAKey(t)
	server := newKeyServer(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	verifier := newTestPushVerifier(server.URL, &testClock{})
	server.requireFetches(t, 0)
	changed := func(changes map[string]any) string {
		return mustMint(t, key, "JWT", with(googlePushClaims(), changes))
	}

	for name, token := range map[string]string{
		"a token as Google issues it":         changed(nil),
		"Google's issuer without its scheme":  changed(map[string]any{"iss": googleIssuerBare}),
		"no type, which is optional in a JWT": mustMint(t, key, "", googlePushClaims()),
	} {
		t.Run("accepts "+name, func(t *testing.T) {
			t.Parallel()
			if err := verifier.Verify(context.Background(), token); err != nil {
				t.Fatal(err)
			}
		})
	}
	for name, token := range map[string]string{
		"nothing":                          "",
		"another issuer":                   changed(map[string]any{"iss": "https://evil.example"}),
		"another audience":                 changed(map[string]any{"aud": "https://order.example/"}),
		"another service account":          changed(map[string]any{"email": "evil@other.iam.gserviceaccount.com"}),
		"no service account":               changed(map[string]any{"email": nil}),
		"an unverified address":            changed(map[string]any{"email_verified": false}),
		"an address of unknown status":     changed(map[string]any{"email_verified": nil}),
		"an address verified only in text": changed(map[string]any{"email_verified": "true"}),
		"an expired token":                 changed(map[string]any{"exp": testStart.Add(-time.Minute).Unix()}),
		"algorithm none":                   mustMintUnsigned(t, map[string]any{"alg": "none", "kid": key.id}, googlePushClaims()),
		"a token for another purpose":      mustMint(t, key, "logout+jwt", googlePushClaims()),
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			if err := verifier.Verify(context.Background(), token); !errors.Is(err, ErrInvalidToken) {
				t.Fatalf("got %v, want ErrInvalidToken", err)
			}
		})
	}
}

// Even with the same issuer, audience and key set for both, a token of one kind must not
// be accepted as the other.
func TestPushAndAccessTokensAreNotInterchangeable(t *testing.T) {
	t.Parallel()
	ec, rs := mustECKey(t, mustGenerateKey(t)), mustRSAKey(t)
	server := newKeyServer(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{ec.Public(), rs.Public()}})
	clock := &testClock{}
	access := newTestVerifier(server.URL, clock)
	push := NewPushVerifier(PushConfig{
		Issuer: testIssuer, KeysURL: server.URL, Audience: testAudience, ServiceAccount: testServiceAccount,
	}, clock.Now)
	claims := with(accessTokenClaims(), map[string]any{"email": testServiceAccount, "email_verified": true})

	accessToken, pushToken := mustMint(t, ec, accessTokenType, claims), mustMint(t, rs, "JWT", claims)
	if _, err := access.Verify(context.Background(), accessToken); err != nil {
		t.Fatal(err)
	}
	if err := push.Verify(context.Background(), pushToken); err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"an access token": accessToken, "signed as push, typed as access": mustMint(t, rs, accessTokenType, claims),
	} {
		if err := push.Verify(context.Background(), token); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("%s as a push token: got %v, want ErrInvalidToken", name, err)
		}
	}
	for name, token := range map[string]string{
		"a push token": pushToken, "signed as access, typed as push": mustMint(t, ec, "JWT", claims),
	} {
		if _, err := access.Verify(context.Background(), token); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("%s as an access token: got %v, want ErrInvalidToken", name, err)
		}
	}
}

func TestPushVerifierWithoutItsSettingsRefusesEverything(t *testing.T) {
	t.Parallel()
	key := mustRSAKey(t)
	server := newKeyServer(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	complete := PushConfig{Issuer: googleIssuer, KeysURL: server.URL, Audience: "a", ServiceAccount: testServiceAccount}
	for name, test := range map[string]struct {
		forget func(*PushConfig)
		claims map[string]any
	}{
		"issuer":          {func(c *PushConfig) { c.Issuer = "" }, map[string]any{"iss": ""}},
		"keys":            {func(c *PushConfig) { c.KeysURL = "" }, nil},
		"audience":        {func(c *PushConfig) { c.Audience = "" }, map[string]any{"aud": ""}},
		"service account": {func(c *PushConfig) { c.ServiceAccount = "" }, map[string]any{"email": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := complete
			test.forget(&c)
			token := mustMint(t, key, "JWT", with(with(googlePushClaims(), map[string]any{"aud": "a"}), test.claims))
			if err := NewPushVerifier(c, (&testClock{}).Now).Verify(context.Background(), token); !errors.Is(err, ErrInvalidToken) {
				t.Fatalf("got %v, want ErrInvalidToken", err)
			}
		})
	}
}

// Cloud Run with an IAM check forwards a token without its signature.
func TestPushVerifierBehindIAM(t *testing.T) {
	t.Parallel()
	key := mustRSAKey(t)
	server := newKeyServer(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	verifier := NewPushVerifier(PushConfig{
		Issuer: googleIssuer, KeysURL: server.URL, Auth: PushAuthIAM,
		Audience: "https://product.example/stock-reserve", ServiceAccount: testServiceAccount,
	}, (&testClock{}).Now)
	checked := func(typ string, changes map[string]any) string {
		token := mustMint(t, key, typ, with(googlePushClaims(), changes))
		return token[:strings.LastIndexByte(token, '.')+1] + "SIGNATURE_REMOVED_BY_GOOGLE"
	}

	if err := verifier.Verify(t.Context(), checked("JWT", nil)); err != nil {
		t.Fatal(err)
	}
	server.requireFetches(t, 0)
	t.Run("still checks a signature that is present", func(t *testing.T) {
		t.Parallel()
		if err := verifier.Verify(t.Context(), mustMint(t, key, "JWT", googlePushClaims())); err != nil {
			t.Error(err)
		}
		signed, other := mustMint(t, key, "JWT", googlePushClaims()), mustMint(t, key, "JWT", map[string]any{})
		forged := signed[:strings.LastIndexByte(signed, '.')] + other[strings.LastIndexByte(other, '.'):]
		if err := verifier.Verify(t.Context(), forged); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("got %v, want ErrInvalidToken", err)
		}
	})
	for name, token := range map[string]string{
		"another issuer":              checked("JWT", map[string]any{"iss": "https://evil.example"}),
		"another function's audience": checked("JWT", map[string]any{"aud": "https://order.example/"}),
		"another service account":     checked("JWT", map[string]any{"email": "evil@other.iam.gserviceaccount.com"}),
		"an unverified address":       checked("JWT", map[string]any{"email_verified": false}),
		"an expired token":            checked("JWT", map[string]any{"exp": testStart.Add(-time.Minute).Unix()}),
		"a token that never expires":  checked("JWT", map[string]any{"exp": nil}),
		"a token for another purpose": checked("logout+jwt", nil),
		"algorithm none":              strings.TrimSuffix(mustMintUnsigned(t, map[string]any{"alg": "none", "kid": key.id}, googlePushClaims()), ".") + ".SIGNATURE_REMOVED_BY_GOOGLE",
		"the marker alone":            ".SIGNATURE_REMOVED_BY_GOOGLE",
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			if err := verifier.Verify(t.Context(), token); !errors.Is(err, ErrInvalidToken) {
				t.Fatalf("got %v, want ErrInvalidToken", err)
			}
		})
	}
	t.Run("a verifier without the setting refuses a removed signature", func(t *testing.T) {
		t.Parallel()
		err := newTestPushVerifier(server.URL, &testClock{}).Verify(t.Context(), checked("JWT", nil))
		if !errors.Is(err, ErrInvalidToken) {
			t.Fatalf("got %v, want ErrInvalidToken", err)
		}
	})
}

// Behind IAM only Authorization may have a token: IAM prefers the other header and would
// not have checked this one.
func TestPushBearerToken(t *testing.T) {
	t.Parallel()
	behindIAM, direct := NewPushVerifier(PushConfig{Auth: PushAuthIAM}, (&testClock{}).Now), NewPushVerifier(PushConfig{Auth: PushAuthToken}, (&testClock{}).Now)
	header := http.Header{"Authorization": {"Bearer abc"}}
	for _, verifier := range []*PushVerifier{behindIAM, direct} {
		if token, err := verifier.BearerToken(header); err != nil || token != "abc" {
			t.Errorf("got %q, %v", token, err)
		}
	}
	for _, second := range []string{"Bearer def", "Bearer abc", ""} {
		both := header.Clone()
		both.Set("x-serverless-authorization", second)
		if token, err := behindIAM.BearerToken(both); !errors.Is(err, ErrInvalidToken) {
			t.Errorf("with a second token %q: got %q, %v, want ErrInvalidToken", second, token, err)
		}
		if token, err := direct.BearerToken(both); err != nil || token != "abc" {
			t.Errorf("where the function checks the signature: got %q, %v", token, err)
		}
	}
}
