package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"souk/shared/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testIssuer   = "https://shop.example"
	testAudience = "souk"
)

var (
	testStart     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	testPrincipal = Principal{UserID: uuid.MustParse("0199c0de-0000-7000-8000-000000000001"), Role: Customer}
)

// testClock is a clock that a test sets.
type testClock struct{ offset atomic.Int64 }

func (c *testClock) Now() time.Time          { return testStart.Add(time.Duration(c.offset.Load())) }
func (c *testClock) Advance(d time.Duration) { c.offset.Add(int64(d)) }

// keyServer serves a key set and counts the requests for it.
type keyServer struct {
	URL     string
	Fetches atomic.Int64

	mu      sync.Mutex
	handler http.HandlerFunc
}

func newKeyServer(tb testing.TB, keys jose.JSONWebKeySet) *keyServer {
	tb.Helper()
	s := &keyServer{}
	s.Publish(tb, keys)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Fetches.Add(1)
		s.mu.Lock()
		handler := s.handler
		s.mu.Unlock()
		handler(w, r)
	}))
	tb.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Publish sets the key set that the server returns.
func (s *keyServer) Publish(tb testing.TB, keys jose.JSONWebKeySet) {
	tb.Helper()
	body, err := json.Marshal(keys)
	if err != nil {
		tb.Fatal(err)
	}
	s.Handle(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
}

// Handle sets the handler that the server responds with.
func (s *keyServer) Handle(handler http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = handler
}

func (s *keyServer) requireFetches(t *testing.T, want int64) {
	t.Helper()
	if got := s.Fetches.Load(); got != want {
		t.Fatalf("the key server received %d requests, want %d", got, want)
	}
}

func mustGenerateKey(tb testing.TB) string {
	tb.Helper()
	key, err := GenerateKey()
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// mustSigner returns a signer with PEM keys; the first signs.
func mustSigner(tb testing.TB, keys ...string) *Signer {
	tb.Helper()
	signer, err := NewSigner(SignerConfig{Issuer: testIssuer, Audience: testAudience, Keys: config.NewSecret(strings.Join(keys, ""))})
	if err != nil {
		tb.Fatal(err)
	}
	return signer
}

func mustSign(tb testing.TB, s *Signer) string {
	tb.Helper()
	token, err := s.Sign(testPrincipal, testStart, 15*time.Minute)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// testKey is a private key with the id and algorithm of a token header.
type testKey struct {
	algorithm jose.SignatureAlgorithm
	key       any
	id        string
}

func mustECKey(tb testing.TB, text string) testKey {
	tb.Helper()
	keys, err := parseKeys(text, parsePrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	return testKey{algorithm: jose.ES256, key: keys[0].Key, id: keys[0].KeyID}
}

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func mustRSAKey(tb testing.TB) testKey {
	tb.Helper()
	key, err := rsaKey()
	if err != nil {
		tb.Fatal(err)
	}
	return testKey{algorithm: jose.RS256, key: key, id: "google-1"}
}

func (k testKey) Public() jose.JSONWebKey {
	private := jose.JSONWebKey{Key: k.key, KeyID: k.id, Algorithm: string(k.algorithm), Use: "sig"}
	return private.Public()
}

// mustMint signs any claims with any header; an empty typ leaves it out.
func mustMint(tb testing.TB, k testKey, typ string, claims map[string]any) string {
	tb.Helper()
	options := &jose.SignerOptions{}
	if typ != "" {
		options.WithType(jose.ContentType(typ))
	}
	if k.id != "" {
		options.WithHeader("kid", k.id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: k.algorithm, Key: k.key}, options)
	if err != nil {
		tb.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// mustMintUnsigned returns a token of algorithm none (RFC 7519, section 6).
func mustMintUnsigned(tb testing.TB, header, claims map[string]any) string {
	tb.Helper()
	encode := func(part map[string]any) string {
		text, err := json.Marshal(part)
		if err != nil {
			tb.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return encode(header) + "." + encode(claims) + "."
}

// with returns the claims with some changed; a nil value leaves one out.
func with(claims, changes map[string]any) map[string]any {
	changed := maps.Clone(claims)
	maps.Copy(changed, changes)
	maps.DeleteFunc(changed, func(_ string, value any) bool { return value == nil })
	return changed
}
