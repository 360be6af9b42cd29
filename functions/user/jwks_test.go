package user

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/function"
)

func TestJWKS(t *testing.T) {
	t.Parallel()
	server := mustServe(t)
	got := server.MustSend(t, "GET", "/.well-known/jwks.json", nil)
	var set jose.JSONWebKeySet
	got.MustBe(t, http.StatusOK, &set)
	want := server.Signer.PublicKeys().Keys[0]
	if len(set.Keys) != 1 || set.Keys[0].KeyID != want.KeyID || set.Keys[0].Algorithm != "ES256" || set.Keys[0].Use != "sig" || !set.Keys[0].IsPublic() {
		t.Fatalf("got %s, want the public half of key %s", got.Body, want.KeyID)
	}
	if got.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Fatalf("got Cache-Control %q", got.Header.Get("Cache-Control"))
	}
}

func TestKeySetHoldsNoPrivateHalf(t *testing.T) {
	t.Parallel()
	key, err := auth.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := auth.NewSigner(auth.SignerConfig{Issuer: testIssuer, Audience: testAudience, Keys: config.Secret(key)})
	if err != nil {
		t.Fatal(err)
	}
	set, err := newKeySet(signer.PublicKeys())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	var raw struct{ Keys []map[string]string }
	if err := json.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	for member, value := range raw.Keys[0] {
		known := slices.Contains([]string{"kty", "use", "alg", "kid", "crv", "x", "y"}, member)
		if !known || value == "" {
			t.Errorf("member %q is %q", member, value)
		}
	}
}

func TestFunctionsNeedSigningKeys(t *testing.T) {
	t.Parallel()
	runtime := &function.Runtime{Environment: config.Environment{"AUTH_ISSUER": testIssuer, "AUTH_AUDIENCE": testAudience}}
	if _, err := Functions(runtime); err == nil {
		t.Fatal("the service starts without keys to sign with")
	}
}
