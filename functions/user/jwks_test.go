package user

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

func TestJWKS(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustRegister(t, "ada@example.com")
	const path = "/.well-known/jwks.json"

	t.Run("the response may be cached for five minutes", func(t *testing.T) {
		t.Parallel()
		got := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path}).MustBe(t, http.StatusOK)
		if control := got.Header.Get("Cache-Control"); control != "public, max-age=300" {
			t.Fatalf("got Cache-Control %q", control)
		}
	})
	t.Run("it contains the key that signs access tokens", func(t *testing.T) {
		t.Parallel()
		settings := s.Tokens.UserAuth
		settings.KeysURL = s.URL + path
		caller, err := auth.NewVerifier(settings, clock.System).Verify(t.Context(), s.mustSignIn(t, "ada@example.com").AccessToken)
		if err != nil || caller.Role != auth.Customer {
			t.Fatalf("got %v, %v", caller, err)
		}
	})
}

func TestKeySetHasNoPrivateKey(t *testing.T) {
	t.Parallel()
	signer, err := auth.NewSigner(functiontest.NewTokens(t).Signing)
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

func TestFunctionsRequireSigningKeys(t *testing.T) {
	t.Parallel()
	runtime := &function.Runtime{Environment: config.Environment{"AUTH_ISSUER": "issuer", "AUTH_AUDIENCE": "audience"}}
	if _, err := Functions(runtime); err == nil {
		t.Fatal("the service starts without signing keys")
	}
}
