package functions_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions"
	"souk/functions/registry"
	"souk/functions/user/passwordtest"
	"souk/shared/config"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
	"souk/shared/manifest/manifestfile"
)

// contract checks every response and event of these tests.
var contract = functiontest.NewContract(functions.OpenAPI, functions.Events)

// services has all services, by name.
var services = func() map[string]registry.Service {
	byName := map[string]registry.Service{}
	for _, s := range registry.Services {
		byName[s.Name] = s
	}
	return byName
}()

func TestMain(m *testing.M) {
	passwordtest.UseLowestCost()
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	if programs, err = os.MkdirTemp("", "souk-functions-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(programs)) }()
	return m.Run(), nil
}

// environment returns the settings that services need besides those common to all.
func environment(t testing.TB) config.Environment {
	t.Helper()
	tokens := functiontest.NewTokens(t)
	signing := tokens.Signing
	return config.Environment{
		"AUTH_ISSUER": signing.Issuer, "AUTH_AUDIENCE": signing.Audience, "AUTH_SIGNING_KEYS": signing.Keys.Reveal(),
		"AUTH_PUBLIC_KEYS": tokens.Published.Keys, "MAIL_TOKEN_KEY": strings.Repeat("k", 32),
		"SECOND_FACTOR_KEYS": secondFactorKey, "USER_PASSKEY_DOMAIN": passkeySite.ID, "USER_PASSKEY_ORIGINS": passkeySite.Origin,
		"CHECKOUT_TOKEN_KEYS": strings.Repeat("c", 32), "WEBHOOK_SECRET_KEYS": strings.Repeat("w", 32),
		"SHOP_URL": startEmptyShop(t),
		"SMTP_URL": "smtp://127.0.0.1:1", "MAIL_FROM": "Souk <shop@souk.test>", // nothing is sent in these tests
		"PAYMENT_PROVIDER_URL": startPaymentProvider(t).url, "PAYMENT_API_KEY": paymentKey, "PAYMENT_WEBHOOK_SECRET": paymentKey,
		"PAYMENT_CAPTURE": "at_once",
		// Under the race detector, beside other tests, hashing a password is slow.
		"USER_PASSWORD_WAIT": "10m",
	}
}

// startEmptyShop starts a shop without orders, which user-export reads, and returns its URL.
func startEmptyShop(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"items": []}`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// mustStart serves a service over HTTP, with its own database.
func mustStart(t testing.TB, service string, options ...functiontest.Option) *functiontest.Server {
	t.Helper()
	s, ok := services[service]
	if !ok {
		t.Fatalf("service %s is missing: add it to registry.Services", service)
	}
	return functiontest.Start(t, functions.Manifest(), service, s.Build, s.Migrations, environment(t),
		append(options, functiontest.WithContract(contract))...)
}

// mustReadManifest returns the text of functions.yaml.
func mustReadManifest(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("functions.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestManifest(t *testing.T) {
	t.Parallel()
	t.Run("the manifest is parsed once and equals functions.yaml", func(t *testing.T) {
		t.Parallel()
		fromFile, err := manifestfile.Parse([]byte(mustReadManifest(t)))
		if err != nil {
			t.Fatal(err)
		}
		if first, second := functions.Manifest(), functions.Manifest(); first != second {
			t.Error("each call parses the file again")
		}
		if diff := cmp.Diff(fromFile, functions.Manifest()); diff != "" {
			t.Errorf("run `make generate` (-functions.yaml +functions.json)\n%s", diff)
		}
	})

	t.Run("every service that publishes has a function that sweeps its outbox", func(t *testing.T) {
		t.Parallel()
		for _, service := range functions.Manifest().Services() {
			list := functions.Manifest().FunctionsOf(service)
			publishes := slices.ContainsFunc(list, func(f manifest.Function) bool { return len(f.Publishes) > 0 })
			sweeps := slices.ContainsFunc(list, func(f manifest.Function) bool { return f.Schedule != "" && strings.HasSuffix(f.Name, "-outbox") })
			if publishes && !sweeps {
				t.Errorf("no function publishes the pending outbox rows of %s: add %s-outbox", service, service)
			}
		}
	})

	t.Run("a route without an access rule is refused", func(t *testing.T) {
		t.Parallel()
		_, err := manifestfile.Parse([]byte(mustReadManifest(t) + "  - {name: order-spy, service: order, http: GET /v1/spy}\n"))
		if err == nil || !strings.Contains(err.Error(), `order-spy: route "GET /v1/spy" has no authorization rule`) {
			t.Errorf("got %v", err)
		}
	})
}

func mustDecode(t testing.TB, text []byte, value any) {
	t.Helper()
	if err := json.Unmarshal(text, value); err != nil {
		t.Fatalf("decode %s: %v", text, err)
	}
}
