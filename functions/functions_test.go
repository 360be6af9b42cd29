package functions_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"souk/functions"
	"souk/functions/order"
	"souk/functions/product"
	"souk/functions/user"
	"souk/functions/user/passwordhash/passwordhashtest"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// contract is what every answer and event of these tests is held to.
var contract = functiontest.NewContract(functions.OpenAPI, functions.Events)

// services are all there are. TestDrift fails when one is missing here.
var services = map[string]struct {
	build       function.Builder
	migrations  database.Migrations
	topics      []event.AnyTopic
	description string // of the service, in openapi.yaml
}{
	"product": {product.Functions, product.Migrations, product.Topics, "The catalogue and the stock."},
	"order":   {order.Functions, order.Migrations, order.Topics, "Orders, from placed to delivered."},
	"user":    {user.Functions, user.Migrations, user.Topics, "Accounts, sessions and the keys that sign them."},
}

func TestMain(m *testing.M) {
	passwordhashtest.UseLowestCost()
	os.Exit(m.Run())
}

// environment holds what a service needs besides the settings of every service.
func environment(t testing.TB) config.Environment {
	t.Helper()
	tokens := functiontest.NewTokens(t)
	signing := tokens.Signing
	return config.Environment{
		"AUTH_ISSUER": signing.Issuer, "AUTH_AUDIENCE": signing.Audience, "AUTH_SIGNING_KEYS": signing.Keys.Reveal(),
		"AUTH_PUBLIC_KEYS": tokens.Published.Keys, "MAIL_TOKEN_KEY": strings.Repeat("k", 32),
		"SHOP_URL": emptyShop(t),
		"SMTP_URL": "smtp://127.0.0.1:1", "MAIL_FROM": "Souk <shop@souk.test>", // nothing is sent in these tests
		// Under the race detector, beside other tests, a password takes its time.
		"USER_PASSWORD_WAIT": "10m",
	}
}

// emptyShop is the shop as user-export finds it that nobody has ordered at.
func emptyShop(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"items": []}`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// MustStart serves a service over HTTP, on a database of its own.
func MustStart(t testing.TB, service string, options ...functiontest.Option) *functiontest.Server {
	t.Helper()
	s, known := services[service]
	if !known {
		t.Fatalf("service %s is missing in this test: add it to services", service)
	}
	return functiontest.Start(t, functions.Manifest(), service, s.build, s.migrations, environment(t),
		append(options, functiontest.WithContract(contract))...)
}

// MustText returns functions.yaml.
func MustText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("functions.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestManifest(t *testing.T) {
	t.Parallel()
	t.Run("is read once, and is what the file says", func(t *testing.T) {
		t.Parallel()
		fromFile, err := manifest.Parse([]byte(MustText(t)))
		if err != nil {
			t.Fatal(err)
		}
		if first, second := functions.Manifest(), functions.Manifest(); first != second {
			t.Error("each call reads it again")
		}
		for i, f := range functions.Manifest().Functions {
			if f.Name != fromFile.Functions[i].Name {
				t.Errorf("function %d is %s, in the file %s", i, f.Name, fromFile.Functions[i].Name)
			}
		}
	})

	t.Run("has a sweep for every service whose functions publish", func(t *testing.T) {
		t.Parallel()
		for _, service := range functions.Manifest().Services() {
			of := functions.Manifest().Of(service)
			publishes := slices.ContainsFunc(of, func(f manifest.Function) bool { return len(f.Publishes) > 0 })
			sweeps := slices.ContainsFunc(of, func(f manifest.Function) bool { return f.Schedule != "" && strings.HasSuffix(f.Name, "-outbox") })
			if publishes && !sweeps {
				t.Errorf("what requests of %s leave in the outbox stays there: add %s-outbox", service, service)
			}
		}
	})

	t.Run("with a new route that has no rule is refused", func(t *testing.T) {
		t.Parallel()
		_, err := manifest.Parse([]byte(MustText(t) + "  - {name: order-spy, service: order, http: GET /v1/spy}\n"))
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
