// Package identity is a local replacement for Google's token service: it issues the OpenID
// Connect tokens of Pub/Sub's push requests and serves the keys to verify them, so that
// functions verify a push with the same code as in the cloud.
//
// The issuer accepts any caller. Programs must trust it only under the emulator: in the
// cloud, Google is the only issuer.
package identity

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	// lifetime of a token, the same as Google's.
	lifetime = time.Hour
	// renewal is how long before its expiry a cached token is replaced, so that it does
	// not expire in transit.
	renewal = 5 * time.Minute

	discoveryPath = "/.well-known/openid-configuration"
	// certsPath is the path under which Google serves its keys on its own host.
	certsPath = "/oauth2/v3/certs"
)

// Options configures an issuer.
type Options struct {
	// Dir stores the signing key, so that tokens stay valid across restarts. Empty means
	// that the key is in memory.
	Dir string
	// URL is the claim iss and the URL that serves the Issuer as an http.Handler, such
	// as "http://127.0.0.1:8085". Required.
	URL string
	// Clock returns the current time; nil means time.Now.
	Clock func() time.Time
}

// Issuer issues tokens and serves the keys to verify them. It is safe for concurrent use.
type Issuer struct {
	url    string
	clock  func() time.Time
	signer jose.Signer
	mux    *http.ServeMux

	mu     sync.Mutex
	tokens map[subject]cachedToken
}

type subject struct{ email, audience string }

type cachedToken struct {
	text    string
	expires time.Time
}

// Claims are the claims of a push token, in the order of Google's example:
// https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions#jwt_format
type Claims struct {
	Audience        string `json:"aud"`
	AuthorizedParty string `json:"azp"`
	Email           string `json:"email"`
	EmailVerified   bool   `json:"email_verified"`
	Expiry          int64  `json:"exp"`
	IssuedAt        int64  `json:"iat"`
	Issuer          string `json:"iss"`
	Subject         string `json:"sub"`
}

// New returns a new issuer with the key in Dir, which it creates if it is missing. It never
// replaces an unreadable key, because issued tokens depend on it, but returns an error.
func New(options Options) (*Issuer, error) {
	if options.URL == "" {
		return nil, errors.New("token issuer: URL is required")
	}
	key, err := loadOrCreateKey(options.Dir)
	if err != nil {
		return nil, fmt.Errorf("token issuer: %w", err)
	}
	id, err := keyID(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("token issuer: %w", err)
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: id}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("token issuer: sign with key %s: %w", id, err)
	}
	i := &Issuer{
		url:    strings.TrimSuffix(options.URL, "/"),
		clock:  options.Clock,
		signer: signer,
		tokens: map[subject]cachedToken{},
	}
	if i.clock == nil {
		i.clock = time.Now
	}
	return i, i.route(&key.PublicKey, id)
}

// URL returns the issuer as in the claim iss.
func (i *Issuer) URL() string { return i.url }

// Token returns a token that identifies email to audience. It is valid for at least five
// minutes; a cached token is reused until then.
func (i *Issuer) Token(email, audience string) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.clock()
	key := subject{email, audience}
	if cached := i.tokens[key]; now.Before(cached.expires.Add(-renewal)) {
		return cached.text, nil
	}
	expires := now.Add(lifetime)
	id := accountID(email)
	text, err := jwt.Signed(i.signer).Claims(Claims{
		Audience:        audience,
		AuthorizedParty: id,
		Email:           email,
		EmailVerified:   true,
		Expiry:          expires.Unix(),
		IssuedAt:        now.Unix(),
		Issuer:          i.url,
		Subject:         id,
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign a token of %s for %s: %w", email, audience, err)
	}
	i.tokens[key] = cachedToken{text: text, expires: expires}
	return text, nil
}

// ServeHTTP serves the discovery document and the key set.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.mux.ServeHTTP(w, r) }

func (i *Issuer) route(public *rsa.PublicKey, id string) error {
	discovery, err := json.Marshal(map[string]any{
		"issuer":                                i.url,
		"jwks_uri":                              i.url + certsPath,
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"claims_supported":                      []string{"aud", "azp", "email", "email_verified", "exp", "iat", "iss", "sub"},
	})
	if err != nil {
		return fmt.Errorf("token issuer: encode the discovery document: %w", err)
	}
	certs, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: public, KeyID: id, Algorithm: string(jose.RS256), Use: "sig"},
	}})
	if err != nil {
		return fmt.Errorf("token issuer: encode the key set: %w", err)
	}
	i.mux = http.NewServeMux()
	i.mux.Handle("GET "+discoveryPath, document(discovery))
	i.mux.Handle("GET "+certsPath, document(certs))
	return nil
}

func document(body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		// It fails only if the client has disconnected.
		_, _ = w.Write(body)
	})
}
