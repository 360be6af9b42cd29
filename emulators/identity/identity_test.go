package identity

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	email    = "pubsub-push@souk-local.iam.gserviceaccount.com"
	audience = "http://127.0.0.1:9001"
)

// mustServe starts an issuer on a real server with that server's URL.
func mustServe(t *testing.T, dir string, clock func() time.Time) *Issuer {
	t.Helper()
	var issuer atomic.Pointer[Issuer]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		issuer.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	i, err := New(Options{Dir: dir, URL: server.URL, Clock: clock})
	if err != nil {
		t.Fatalf("new issuer: %v", err)
	}
	issuer.Store(i)
	return i
}

func mustToken(t *testing.T, i *Issuer, email, audience string) string {
	t.Helper()
	token, err := i.Token(email, audience)
	if err != nil {
		t.Fatalf("token: %v", err)
	}
	return token
}

func mustVerifier(t *testing.T, i *Issuer, config oidc.Config) *oidc.IDTokenVerifier {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), i.URL())
	if err != nil {
		t.Fatalf("discover %s: %v", i.URL(), err)
	}
	return provider.Verifier(&config)
}

func TestTokenIsVerifiedLikeGoogles(t *testing.T) {
	t.Parallel()
	i := mustServe(t, "", nil)
	verified, err := mustVerifier(t, i, oidc.Config{ClientID: audience}).
		Verify(t.Context(), mustToken(t, i, email, audience))
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	var claims Claims
	if err := verified.Claims(&claims); err != nil {
		t.Fatalf("claims: %v", err)
	}
	if claims.Email != email || !claims.EmailVerified || claims.Issuer != i.URL() || claims.Audience != audience {
		t.Errorf("claims = %+v", claims)
	}
	if claims.Subject == "" || claims.AuthorizedParty != claims.Subject {
		t.Errorf("sub = %q, azp = %q, want the same account id", claims.Subject, claims.AuthorizedParty)
	}
	if got := claims.Expiry - claims.IssuedAt; got != 3600 {
		t.Errorf("lifetime = %d s, want 3600", got)
	}
}

func TestTokenForAnotherAudienceIsRejected(t *testing.T) {
	t.Parallel()
	i := mustServe(t, "", nil)
	_, err := mustVerifier(t, i, oidc.Config{ClientID: audience}).
		Verify(t.Context(), mustToken(t, i, email, "http://127.0.0.1:9002"))
	if err == nil {
		t.Fatal("a token for another audience was accepted")
	}
}

func TestTokenOfAnotherKeyIsRejected(t *testing.T) {
	t.Parallel()
	trusted := mustServe(t, "", nil)
	stranger, err := New(Options{URL: trusted.URL()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = mustVerifier(t, trusted, oidc.Config{ClientID: audience}).
		Verify(t.Context(), mustToken(t, stranger, email, audience))
	if err == nil {
		t.Fatal("a token signed with another key was accepted")
	}
}

func TestTokenNamesItsKeyAndType(t *testing.T) {
	t.Parallel()
	i := mustServe(t, "", nil)
	parsed, err := jwt.ParseSigned(mustToken(t, i, email, audience), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	header := parsed.Headers[0]
	if header.KeyID == "" || header.ExtraHeaders[jose.HeaderType] != "JWT" {
		t.Errorf("header = %+v, want a kid and typ JWT", header)
	}
}

func TestTokenIsReusedUntilNearItsExpiry(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	i := mustServe(t, "", func() time.Time { return now })
	first := mustToken(t, i, email, audience)
	now = now.Add(lifetime - renewal - time.Second)
	if mustToken(t, i, email, audience) != first {
		t.Error("a token with more than five minutes left was replaced")
	}
	now = now.Add(time.Second)
	if mustToken(t, i, email, audience) == first {
		t.Error("a token with five minutes left was not replaced")
	}
	if mustToken(t, i, email, audience) == mustToken(t, i, email, "other") {
		t.Error("two audiences share a token")
	}
}

func TestKeySurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "identity")
	before := mustServe(t, dir, nil)
	token := mustToken(t, before, email, audience)
	after := mustServe(t, dir, nil)
	// The server of the second run has another port, hence another issuer.
	verifier := mustVerifier(t, after, oidc.Config{ClientID: audience, SkipIssuerCheck: true})
	if _, err := verifier.Verify(t.Context(), token); err != nil {
		t.Errorf("a token from before the restart: %v", err)
	}
}

func TestKeyIsReadableByItsOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustServe(t, dir, nil)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("files = %v, %v; want the key alone", files, err)
	}
	info, err := files[0].Info()
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, want 0600", info.Mode().Perm())
	}
}

func TestUnreadableKeyIsAnErrorAndStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, keyFile)
	broken := []byte("not a key")
	if err := os.WriteFile(path, broken, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Dir: dir, URL: "http://127.0.0.1"}); err == nil {
		t.Error("an unreadable key was accepted")
	}
	if got, err := os.ReadFile(path); err != nil || !slices.Equal(got, broken) {
		t.Errorf("the file contains %q, %v", got, err)
	}
}

func TestIssuerURLIsRequired(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); err == nil {
		t.Error("an issuer without a URL was created")
	}
}

func TestKeySetHoldsNoPrivateKey(t *testing.T) {
	t.Parallel()
	i := mustServe(t, "", nil)
	recorder := httptest.NewRecorder()
	i.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, certsPath, nil))
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(recorder.Body.Bytes(), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("key set = %s, %v", recorder.Body, err)
	}
	if _, private := set.Keys[0]["d"]; private {
		t.Error("the key set contains the private key")
	}
}
