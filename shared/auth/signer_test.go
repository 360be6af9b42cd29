package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"souk/shared/config"
)

func TestSignerPublishesEveryKeyAndSignsWithTheFirst(t *testing.T) {
	t.Parallel()
	first, second := mustGenerateKey(t), mustGenerateKey(t)
	signer := mustSigner(t, first, second)
	keys := signer.PublicKeys().Keys
	if len(keys) != 2 || keys[0].KeyID != mustECKey(t, first).id || keys[1].KeyID != mustECKey(t, second).id {
		t.Fatalf("got keys %v, want both in order", keys)
	}
	token, err := jwt.ParseSigned(mustSign(t, signer), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	if got := token.Headers[0].KeyID; got != keys[0].KeyID {
		t.Fatalf("signed with %q, want the first key, %q", got, keys[0].KeyID)
	}
	if text, err := json.Marshal(signer.PublicKeys()); err != nil || strings.Contains(string(text), `"d":`) {
		t.Fatalf("the published keys contain a private one: %s, %v", text, err)
	}
}

func TestKeyIDsAreThumbprints(t *testing.T) {
	t.Parallel()
	key := mustSigner(t, mustGenerateKey(t)).PublicKeys().Keys[0]
	text, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	var jwk struct{ X, Y string }
	if err := json.Unmarshal(text, &jwk); err != nil {
		t.Fatal(err)
	}
	// RFC 7638, section 3.2: the required members alone, in alphabetical order.
	hash := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + jwk.X + `","y":"` + jwk.Y + `"}`))
	if want := base64.RawURLEncoding.EncodeToString(hash[:]); key.KeyID != want {
		t.Fatalf("got id %q, want the thumbprint %q", key.KeyID, want)
	}
}

func TestNewSignerRefuses(t *testing.T) {
	t.Parallel()
	good := mustGenerateKey(t)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	complete := SignerConfig{Issuer: testIssuer, Audience: testAudience, Keys: config.NewSecret(good)}
	for name, change := range map[string]func(*SignerConfig){
		"no issuer":   func(c *SignerConfig) { c.Issuer = "" },
		"no audience": func(c *SignerConfig) { c.Audience = "" },
		"no key":      func(c *SignerConfig) { c.Keys = config.Secret{} },
		"no PEM":      func(c *SignerConfig) { c.Keys = config.NewSecret("hunter2") },
		"a broken block": func(c *SignerConfig) {
			c.Keys = config.NewSecret("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
		},
		"another curve":      func(c *SignerConfig) { c.Keys = config.NewSecret(encode(p384)) },
		"an RSA key":         func(c *SignerConfig) { c.Keys = config.NewSecret(encode(mustRSAKey(t).key)) },
		"a bad second block": func(c *SignerConfig) { c.Keys = config.NewSecret(good + encode(p384)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := complete
			change(&c)
			_, err := NewSigner(c)
			if err == nil {
				t.Fatal("got no error")
			}
			if secret := c.Keys.Reveal(); secret != "" && strings.Contains(err.Error(), secret) {
				t.Fatalf("the error quotes the key: %v", err)
			}
		})
	}
}

func TestSignerReadsKeysOfSEC1(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	mustSign(t, mustSigner(t, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))))
}

func TestSignRefusesInvalidPrincipals(t *testing.T) {
	t.Parallel()
	signer := mustSigner(t, mustGenerateKey(t))
	for name, p := range map[string]Principal{
		"no user": {Role: Owner}, "no role": {UserID: uuid.New()}, "the role of guests": {UserID: uuid.New(), Role: Guest}, "the role of keys": {UserID: uuid.New(), Role: Key},
		"the role of a former release": {UserID: uuid.New(), Role: "admin"}, "a malformed role": {UserID: uuid.New(), Role: "Night Shift"},
	} {
		if token, err := signer.Sign(p, testStart, time.Minute); err == nil || token != "" {
			t.Errorf("%s: got a token", name)
		}
	}
}
