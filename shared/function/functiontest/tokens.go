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
	"souk/shared/manifest"
)

const (
	issuer         = "https://issuer.test"
	audience       = "https://shop.test"
	pushIssuer     = "https://push.test"
	pushAudience   = "https://functions.test"
	serviceAccount = "pubsub@test.iam.gserviceaccount.com"
)

// The keys are generated once per test binary, because an RSA key takes some time.
var (
	userKeys = sync.OnceValues(auth.GenerateKey)
	pushKey  = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
)

// Tokens signs the tokens of a test's callers, and holds the settings of a service that
// accepts them.
type Tokens struct {
	UserAuth auth.Config
	PushAuth auth.PushConfig
	// Signing holds the settings of a service that signs user tokens.
	Signing auth.SignerConfig
	// Published holds the settings of a service that publishes their keys.
	Published auth.PublisherConfig
	// Checkouts signs and verifies the tokens of checkouts.
	Checkouts *auth.CheckoutTokens

	signer     *auth.Signer
	pushSigner jose.Signer
}

// NewTokens returns new Tokens, whose public keys are served until the test ends.
func NewTokens(t testing.TB) *Tokens {
	t.Helper()
	pem, err := userKeys()
	if err != nil {
		t.Fatalf("generate a signing key: %v", err)
	}
	signing := auth.SignerConfig{Issuer: issuer, Audience: audience, Keys: config.NewSecret(pem)}
	signer, err := auth.NewSigner(signing)
	if err != nil {
		t.Fatalf("create a signer: %v", err)
	}
	public, err := auth.PublicHalf(pem)
	if err != nil {
		t.Fatalf("derive the published key: %v", err)
	}
	key, err := pushKey()
	if err != nil {
		t.Fatalf("generate a push key: %v", err)
	}
	checkouts, err := auth.NewCheckoutTokens(auth.CheckoutConfig{Keys: config.NewSecret(rand.Text() + rand.Text())})
	if err != nil {
		t.Fatalf("create the signer of checkouts: %v", err)
	}
	pushSigner, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "push"}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatalf("create a push signer: %v", err)
	}
	pushKeys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "push", Algorithm: "RS256", Use: "sig"}}}
	return &Tokens{
		UserAuth: auth.Config{Issuer: issuer, Audience: audience, KeysURL: serveKeys(t, signer.PublicKeys())},
		PushAuth: auth.PushConfig{Issuer: pushIssuer, KeysURL: serveKeys(t, pushKeys), Audience: pushAudience, ServiceAccount: serviceAccount},
		Signing:  signing, Published: auth.PublisherConfig{Keys: public}, Checkouts: checkouts, signer: signer, pushSigner: pushSigner,
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

// User returns an access token of the principal. Without permissions it has those of its role.
func (k *Tokens) User(t testing.TB, p auth.Principal) string {
	t.Helper()
	p = withPermissions(p)
	token, err := k.signer.Sign(p, time.Now(), time.Hour)
	if err != nil {
		t.Fatalf("sign a token: %v", err)
	}
	return token
}

// Customer returns a new customer and an access token.
func (k *Tokens) Customer(t testing.TB) (auth.Principal, string) {
	t.Helper()
	p := auth.Principal{UserID: uuid.New(), Role: auth.Customer}
	return p, k.User(t, p)
}

// withPermissions returns a principal without permissions with those of its role.
func withPermissions(p auth.Principal) auth.Principal {
	if p.Permissions == 0 {
		p.Permissions, _ = p.Role.BuiltIn()
	}
	return p
}

// Staff returns an access token of a new account with the permissions alone.
func (k *Tokens) Staff(t testing.TB, needed ...manifest.Permission) string {
	t.Helper()
	return k.User(t, auth.Principal{UserID: uuid.New(), Role: "tester", Permissions: manifest.NewPermissionSet(needed...)})
}

// Admin returns an access token of a new owner of the shop, who may do everything.
func (k *Tokens) Admin(t testing.TB) string {
	t.Helper()
	return k.User(t, auth.Principal{UserID: uuid.New(), Role: auth.Owner})
}

// Checkout returns a token of a checkout that is valid for an hour.
func (k *Tokens) Checkout(t testing.TB, id uuid.UUID) string {
	t.Helper()
	token, err := k.Checkouts.Sign(id, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatalf("sign a token of a checkout: %v", err)
	}
	return token
}

// Expired returns an access token that expired an hour ago.
func (k *Tokens) Expired(t testing.TB, p auth.Principal) string {
	t.Helper()
	token, err := k.signer.Sign(withPermissions(p), time.Now().Add(-2*time.Hour), time.Hour)
	if err != nil {
		t.Fatalf("sign a token: %v", err)
	}
	return token
}

// Push returns a token like those of Pub/Sub's requests.
func (k *Tokens) Push(t testing.TB) string {
	t.Helper()
	return k.PushTo(t, pushAudience)
}

// PushTo is like Push, for another audience.
func (k *Tokens) PushTo(t testing.TB, audience string) string {
	t.Helper()
	return k.PushWith(t, map[string]any{"aud": audience})
}

// PushWith is like Push, with some claims replaced.
func (k *Tokens) PushWith(t testing.TB, claims map[string]any) string {
	t.Helper()
	now := time.Now()
	merged := map[string]any{
		"iss": pushIssuer, "sub": "1", "aud": pushAudience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"email": serviceAccount, "email_verified": true,
	}
	maps.Copy(merged, claims)
	token, err := jwt.Signed(k.pushSigner).Claims(merged).Serialize()
	if err != nil {
		t.Fatalf("sign a push token: %v", err)
	}
	return token
}
