package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"souk/shared/manifest"
)

func accessTokenClaims() map[string]any {
	return map[string]any{
		"iss": testIssuer, "aud": testAudience, "sub": testPrincipal.UserID.String(), "role": "customer",
		"iat": testStart.Unix(), "exp": testStart.Add(15 * time.Minute).Unix(),
	}
}

func newTestVerifier(url string, clock *testClock) *Verifier {
	return NewVerifier(Config{Issuer: testIssuer, Audience: testAudience, KeysURL: url}, clock.Now)
}

func TestVerifierAcceptsWhatTheSignerSigns(t *testing.T) {
	t.Parallel()
	signer := mustSigner(t, mustGenerateKey(t))
	server := newKeyServer(t, signer.PublicKeys())
	clock := &testClock{}
	verifier := newTestVerifier(server.URL, clock)
	server.requireFetches(t, 0) // nothing before the first token

	for range 3 {
		got, err := verifier.Verify(context.Background(), mustSign(t, signer))
		if err != nil || got != testPrincipal {
			t.Fatalf("got %v, %v; want %v", got, err, testPrincipal)
		}
	}
	server.requireFetches(t, 1)

	clock.Advance(15*time.Minute + leeway)
	if _, err := verifier.Verify(context.Background(), mustSign(t, signer)); err != nil {
		t.Fatalf("a token that has just expired, by a clock a little ahead: %v", err)
	}
	clock.Advance(time.Second)
	if _, err := verifier.Verify(context.Background(), mustSign(t, signer)); !errors.Is(err, ErrInvalidToken) {
		t.Fatalf("an expired token: got %v, want ErrInvalidToken", err)
	}
}

func TestVerifierReturnsTheSessionOfAToken(t *testing.T) {
	t.Parallel()
	signer := mustSigner(t, mustGenerateKey(t))
	verifier := newTestVerifier(newKeyServer(t, signer.PublicKeys()).URL, &testClock{})
	want := testPrincipal
	want.SessionID, want.RightsVersion = uuid.New(), 7
	token, err := signer.Sign(want, testStart, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := verifier.Verify(t.Context(), token); err != nil || got != want {
		t.Fatalf("got %v, %v; want %v", got, err, want)
	}
}

func TestVerifierReturnsTheRightsOfAToken(t *testing.T) {
	t.Parallel()
	pemKey := mustGenerateKey(t)
	signer, key := mustSigner(t, pemKey), mustECKey(t, pemKey)
	verifier := newTestVerifier(newKeyServer(t, signer.PublicKeys()).URL, &testClock{})
	mustVerify := func(token string, role Role, permissions manifest.PermissionSet) {
		t.Helper()
		want := testPrincipal
		want.Role, want.Permissions = role, permissions
		if got, err := verifier.Verify(t.Context(), token); err != nil || got != want {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
	shift := Principal{UserID: testPrincipal.UserID, Role: "night-shift", Permissions: manifest.NewPermissionSet(manifest.OrdersRead)}
	owner := Principal{UserID: testPrincipal.UserID, Role: Owner, Permissions: manifest.AllPermissions()}
	for _, p := range []Principal{testPrincipal, shift, owner} {
		token, err := signer.Sign(p, testStart, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if len(token) > 1200 {
			t.Errorf("the token of %s has %d bytes", p.Role, len(token))
		}
		mustVerify(token, p.Role, p.Permissions)
	}
	mint := func(changes map[string]any) string {
		return mustMint(t, key, accessTokenType, with(accessTokenClaims(), changes))
	}
	// Tokens of the release before, and of the next one, which has a permission more.
	mustVerify(mint(map[string]any{"role": "admin"}), Owner, manifest.AllPermissions())
	mustVerify(mint(map[string]any{"staff_role": "night-shift", "scope": "orders.burn orders.read"}), "night-shift", shift.Permissions)
	mustVerify(mint(map[string]any{"scope": "orders.read"}), Customer, 0) // only staff has permissions
}

// A program of the release before knows two roles, by the claim role. During a rollout it accepts
// the tokens of this release, as those of an admin or a customer.
func TestTokensOfStaffInTheReleaseBefore(t *testing.T) {
	t.Parallel()
	for role, want := range map[Role]Role{Customer: "customer", Owner: "admin", Manager: "customer", "night-shift": "customer"} {
		if got := newAccessClaims(Principal{Role: role, Permissions: manifest.AllPermissions()}); got.Role != want {
			t.Errorf("the token of %s has the role %s, want %s", role, got.Role, want)
		}
	}
}

func TestVerifierRefuses(t *testing.T) {
	t.Parallel()
	pemKey := mustGenerateKey(t)
	key := mustECKey(t, pemKey)
	server := newKeyServer(t, mustSigner(t, pemKey).PublicKeys())
	clock := &testClock{}
	verifier := newTestVerifier(server.URL, clock)
	good := accessTokenClaims()
	valid := mustMint(t, key, accessTokenType, good)
	for range 3 { // the third time it is cached
		if _, err := verifier.Verify(context.Background(), valid); err != nil {
			t.Fatalf("the token that the invalid ones are derived from: %v", err)
		}
	}

	changed := func(changes map[string]any) string {
		return mustMint(t, key, accessTokenType, with(good, changes))
	}
	future := testStart.Add(leeway + 2*time.Second).Unix()
	other := mustECKey(t, mustGenerateKey(t))
	other.id = key.id
	nameless := key
	nameless.id = ""
	parts := strings.Split(mustMint(t, key, accessTokenType, good), ".")
	admin := strings.Split(changed(map[string]any{"role": "admin"}), ".")

	for name, token := range map[string]string{
		"nothing":                      "",
		"no token at all":              "abc",
		"another issuer":               changed(map[string]any{"iss": "https://evil.example"}),
		"no issuer":                    changed(map[string]any{"iss": nil}),
		"another audience":             changed(map[string]any{"aud": "other"}),
		"no audience":                  changed(map[string]any{"aud": nil}),
		"an expired token":             changed(map[string]any{"exp": testStart.Add(-leeway - 2*time.Second).Unix()}),
		"a token that never expires":   changed(map[string]any{"exp": nil}),
		"a token not yet valid":        changed(map[string]any{"nbf": future}),
		"a token from the future":      changed(map[string]any{"iat": future}),
		"an unknown role":              changed(map[string]any{"role": "root"}),
		"the role of guests":           changed(map[string]any{"role": string(Guest)}),
		"a staff role of guests":       changed(map[string]any{"staff_role": string(Guest), "scope": "orders.read"}),
		"a staff role of keys":         changed(map[string]any{"staff_role": string(Key), "scope": "orders.read"}),
		"a malformed staff role":       changed(map[string]any{"staff_role": "Night Shift", "scope": "orders.read"}),
		"no role":                      changed(map[string]any{"role": nil}),
		"an invalid session id":        changed(map[string]any{"sid": "mine"}),
		"an invalid subject":           changed(map[string]any{"sub": "alice"}),
		"the nil id":                   changed(map[string]any{"sub": "00000000-0000-0000-0000-000000000000"}),
		"no subject":                   changed(map[string]any{"sub": nil}),
		"too long a token":             changed(map[string]any{"pad": strings.Repeat("x", maxTokenBytes)}),
		"a token for another purpose":  mustMint(t, key, "email-verification+jwt", good),
		"a plain JWT, an ID token say": mustMint(t, key, "JWT", good),
		"no type":                      mustMint(t, key, "", good),
		"no key id":                    mustMint(t, nameless, accessTokenType, good),
		"another key of that key's id": mustMint(t, other, accessTokenType, good),
		"a changed payload":            parts[0] + "." + admin[1] + "." + parts[2],
		"no signature":                 parts[0] + "." + parts[1] + ".",
		"algorithm none":               mustMintUnsigned(t, map[string]any{"alg": "none", "typ": accessTokenType, "kid": key.id}, good),
		"algorithm none, signed":       mustMintUnsigned(t, map[string]any{"alg": "none", "typ": accessTokenType, "kid": key.id}, good) + parts[2],
		"HS256 with the public key":    mustMint(t, hmacOfPublicKey(t, key), accessTokenType, good),
		"RS256":                        mustMint(t, mustRSAKey(t), accessTokenType, good),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := verifier.Verify(context.Background(), token)
			if !errors.Is(err, ErrInvalidToken) || errors.Is(err, ErrKeysUnavailable) || got != (Principal{}) {
				t.Fatalf("got %v, %v; want ErrInvalidToken and no principal", got, err)
			}
			if token != "" && strings.Contains(err.Error(), token) {
				t.Fatalf("the error quotes the token: %v", err)
			}
		})
	}
}

// hmacOfPublicKey returns the key of an algorithm confusion attack: the public key, which
// everyone has, as the secret of an HMAC.
func hmacOfPublicKey(t *testing.T, k testKey) testKey {
	t.Helper()
	private, ok := k.key.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatalf("not an EC key: %T", k.key)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return testKey{algorithm: jose.HS256, key: secret, id: k.id}
}

func TestVerifierWithoutItsSettingsRefusesEverything(t *testing.T) {
	t.Parallel()
	signer := mustSigner(t, mustGenerateKey(t))
	server := newKeyServer(t, signer.PublicKeys())
	complete := Config{Issuer: testIssuer, Audience: testAudience, KeysURL: server.URL}
	for name, forget := range map[string]func(*Config){
		"issuer":   func(c *Config) { c.Issuer = "" },
		"audience": func(c *Config) { c.Audience = "" },
		"keys":     func(c *Config) { c.KeysURL = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := complete
			forget(&c)
			if _, err := NewVerifier(c, (&testClock{}).Now).Verify(context.Background(), mustSign(t, signer)); !errors.Is(err, ErrInvalidToken) {
				t.Fatalf("got %v, want ErrInvalidToken", err)
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	signer := mustSigner(b, mustGenerateKey(b))
	server := newKeyServer(b, signer.PublicKeys())
	verifier := newTestVerifier(server.URL, &testClock{})
	token := mustSign(b, signer)
	b.ReportAllocs()
	for b.Loop() {
		verifier.rules.cache = tokenCache[accessClaims]{}
		if _, err := verifier.Verify(context.Background(), token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyTampered(b *testing.B) {
	signer := mustSigner(b, mustGenerateKey(b))
	server := newKeyServer(b, signer.PublicKeys())
	verifier := newTestVerifier(server.URL, &testClock{})
	parts := strings.Split(mustSign(b, signer), ".")
	other := strings.Split(mustSign(b, signer), ".")
	token := parts[0] + "." + parts[1] + "." + other[2]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := verifier.Verify(context.Background(), token); !errors.Is(err, ErrInvalidToken) {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	signer := mustSigner(b, mustGenerateKey(b))
	b.ReportAllocs()
	for b.Loop() {
		mustSign(b, signer)
	}
}
