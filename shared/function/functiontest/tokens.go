package functiontest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/config"
)

const (
	issuer         = "https://issuer.test"
	audience       = "https://shop.test"
	pushIssuer     = "https://push.test"
	pushAudience   = "https://functions.test"
	serviceAccount = "pubsub@test.iam.gserviceaccount.com"
)

// The keys are made once for a test binary: an RSA key takes a moment.
var (
	userKeys = sync.OnceValues(auth.GenerateKey)
	pushKey  = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
)

// Tokens makes the tokens of a test's callers, and holds the settings by which a
// service trusts them.
type Tokens struct {
	Users  auth.Config
	Pushes auth.PushConfig
	// Signing are the settings of a service that makes user tokens itself.
	Signing auth.SignerConfig
	// Published are the settings of a service that publishes their keys.
	Published auth.PublisherConfig

	signer     *auth.Signer
	pushSigner jose.Signer
}

// NewTokens makes tokens whose public keys are served until the test ends.
func NewTokens(t testing.TB) *Tokens {
	t.Helper()
	pem, err := userKeys()
	if err != nil {
		t.Fatalf("make a signing key: %v", err)
	}
	signing := auth.SignerConfig{Issuer: issuer, Audience: audience, Keys: config.NewSecret(pem)}
	signer, err := auth.NewSigner(signing)
	if err != nil {
		t.Fatalf("make a signer: %v", err)
	}
	public, err := auth.PublicHalf(pem)
	if err != nil {
		t.Fatalf("derive the published key: %v", err)
	}
	key, err := pushKey()
	if err != nil {
		t.Fatalf("make a push key: %v", err)
	}
	pushSigner, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "push"}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatalf("make a push signer: %v", err)
	}
	pushKeys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "push", Algorithm: "RS256", Use: "sig"}}}
	return &Tokens{
		Users:   auth.Config{Issuer: issuer, Audience: audience, KeysURL: serveKeys(t, signer.PublicKeys())},
		Pushes:  auth.PushConfig{Issuer: pushIssuer, KeysURL: serveKeys(t, pushKeys), Audience: pushAudience, ServiceAccount: serviceAccount},
		Signing: signing, Published: auth.PublisherConfig{Keys: public}, signer: signer, pushSigner: pushSigner,
	}
}

func serveKeys(t testing.TB, keys jose.JSONWebKeySet) string {
	t.Helper()
	text, err := json.Marshal(keys)
	if err != nil {
		t.Fatalf("marshal a key set: %v", err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// User returns an access token of the principal.
func (k *Tokens) User(t testing.TB, p auth.Principal) string {
	t.Helper()
	token, err := k.signer.Sign(p, time.Now(), time.Hour)
	if err != nil {
		t.Fatalf("sign a token: %v", err)
	}
	return token
}

// Customer returns a new customer and a token of theirs.
func (k *Tokens) Customer(t testing.TB) (auth.Principal, string) {
	t.Helper()
	p := auth.Principal{UserID: uuid.New(), Role: auth.Customer}
	return p, k.User(t, p)
}

// Admin returns a token of a new admin.
func (k *Tokens) Admin(t testing.TB) string {
	t.Helper()
	return k.User(t, auth.Principal{UserID: uuid.New(), Role: auth.Admin})
}

// Expired returns an access token that was good until an hour ago.
func (k *Tokens) Expired(t testing.TB, p auth.Principal) string {
	t.Helper()
	token, err := k.signer.Sign(p, time.Now().Add(-2*time.Hour), time.Hour)
	if err != nil {
		t.Fatalf("sign a token: %v", err)
	}
	return token
}

// Push returns a token as Pub/Sub puts on its requests.
func (k *Tokens) Push(t testing.TB) string {
	t.Helper()
	return k.PushTo(t, pushAudience)
}

// PushTo returns a token as Pub/Sub puts on its requests to another audience.
func (k *Tokens) PushTo(t testing.TB, audience string) string {
	t.Helper()
	return k.PushWith(t, map[string]any{"aud": audience})
}

// PushWith returns a token of Pub/Sub's issuer with claims other than Pub/Sub's.
func (k *Tokens) PushWith(t testing.TB, claims map[string]any) string {
	t.Helper()
	now := time.Now()
	all := map[string]any{
		"iss": pushIssuer, "sub": "1", "aud": pushAudience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"email": serviceAccount, "email_verified": true,
	}
	maps.Copy(all, claims)
	token, err := jwt.Signed(k.pushSigner).Claims(all).Serialize()
	if err != nil {
		t.Fatalf("sign a push token: %v", err)
	}
	return token
}
