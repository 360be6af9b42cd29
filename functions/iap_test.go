package functions_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"souk/functions"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

// TestIAP sends every function an admin's request, with and without an assertion of
// Identity-Aware Proxy. The proxy reads its own token from Proxy-Authorization;
// Authorization belongs to the shop.
func TestIAP(t *testing.T) {
	t.Parallel()
	config, assertion := startIAP(t)
	tested := 0
	for _, service := range functions.Manifest().Services() {
		s := mustStart(t, service, functiontest.BehindIAP(config))
		for _, f := range functions.Manifest().FunctionsOf(service) {
			if f.HTTP == "" {
				continue
			}
			tested++
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				token := mustCreateCallerAs(t, s, f, auth.Owner).token
				r := request(f, bearer(token))
				without, forged, passed := r, r, r
				want := granted
				if f.Access.IsStaff() {
					want = http.StatusForbidden
				}
				forged.Header = withHeader(r.Header, auth.HeaderIAPAssertion, token)
				passed.Header = withHeader(r.Header, auth.HeaderIAPAssertion, assertion)
				for name, test := range map[string]struct {
					request functiontest.Request
					want    int
				}{"without an assertion": {without, want}, "with another token for an assertion": {forged, want}, "with an assertion": {passed, granted}} {
					if violation := checkStatus(s.Do(t, test.request), test.want); violation != "" {
						t.Errorf("a request %s: %s", name, violation)
					}
				}
			})
		}
	}
	if tested < 30 {
		t.Errorf("only %d functions were tested", tested)
	}
}

func withHeader(headers map[string]string, name, value string) map[string]string {
	headers = maps.Clone(headers)
	if headers == nil {
		headers = map[string]string{}
	}
	headers[name] = value
	return headers
}

// startIAP serves the keys of a proxy, and returns its configuration and a valid assertion.
func startIAP(t *testing.T) (auth.IAPConfig, string) {
	t.Helper()
	const issuer, kid = "https://cloud.google.com/iap", "one"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: kid, Algorithm: string(jose.ES256), Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keys) }))
	t.Cleanup(server.Close)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	assertion, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: issuer, Audience: jwt.Audience{"/projects/42/global/backendServices/7"},
		IssuedAt: jwt.NewNumericDate(time.Now()), Expiry: jwt.NewNumericDate(time.Now().Add(10 * time.Minute)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return auth.IAPConfig{ProjectNumber: "42", Issuer: issuer, KeysURL: server.URL}, assertion
}
