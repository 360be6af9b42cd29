package rollout

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"souk/functions"
	"souk/functions/order"
	"souk/functions/product"
	"souk/functions/user"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/health"
)

// TestSmokeOfTheShop calls the real services, so that what a function responds to the
// requests of a smoke test is what the smoke test takes for right.
func TestSmokeOfTheShop(t *testing.T) {
	t.Parallel()
	for service, of := range map[string]struct {
		build      function.FunctionsFunc
		migrations database.Migrations
	}{
		"product": {product.Functions, product.Migrations},
		"order":   {order.Functions, order.Migrations},
		"user":    {user.Functions, user.Migrations},
	} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			tokens := functiontest.NewTokens(t)
			signing := tokens.Signing
			s := functiontest.Start(t, functions.Manifest(), service, of.build, of.migrations, config.Environment{
				"AUTH_ISSUER": signing.Issuer, "AUTH_AUDIENCE": signing.Audience, "AUTH_SIGNING_KEYS": signing.Keys.Reveal(),
				"AUTH_PUBLIC_KEYS": tokens.Published.Keys, "MAIL_TOKEN_KEY": strings.Repeat("k", 32),
				"SECOND_FACTOR_KEYS": strings.Repeat("f", 32), "SHOP_URL": "http://127.0.0.1:1", "SMTP_URL": "smtp://127.0.0.1:1", "MAIL_FROM": "Souk <shop@souk.test>",
			})
			if err := Smoke(t.Context(), http.DefaultClient, mustRun(t, service+"-"+HTTP, ByService), s.URL); err != nil {
				t.Error(err)
			}
			var events []event.Event
			if events = s.Published.Events("registration-requested"); len(events) > 0 {
				t.Errorf("it published %v", events)
			}
		})
	}
}

// TestSmokeFinds puts faults before a smoke test.
func TestSmokeFinds(t *testing.T) {
	t.Parallel()
	problem := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
		}
	}
	page := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=UTF-8")
			w.WriteHeader(status)
		}
	}
	for name, test := range map[string]struct {
		run     string
		handler http.HandlerFunc
		want    string // "" if nothing is wrong
	}{
		"a function that asks for a token":   {"order-get", problem(401), ""},
		"a function that asks for none":      {"order-get", problem(404), "responds with 404"},
		"a function that fails":              {"order-get", problem(500), "responds with 500"},
		"Cloud Run in place of the function": {"order-get", page(401), "that is not the function"},
		"a list that anyone may read":        {"product-list", problem(200), ""},
		"a list that asks for a token":       {"product-list", problem(401), "responds with 401"},
		"a product that does not exist":      {"product-get", problem(404), ""},
		"an event function behind IAM":       {"stock-reserve", page(403), ""},
		"an event function without IAM":      {"stock-reserve", problem(401), "callers other than Pub/Sub"},
		"an event function that is open":     {"stock-reserve", page(204), "callers other than Pub/Sub"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(health.Handler(test.handler))
			t.Cleanup(server.Close)
			err := Smoke(t.Context(), http.DefaultClient, mustRun(t, test.run, ByFunction), server.URL)
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("it says %v, want %q", err, test.want)
			}
		})
	}
	t.Run("what does not live", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(page(http.StatusServiceUnavailable))
		t.Cleanup(server.Close)
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // it would try for a minute
		if err := Smoke(ctx, http.DefaultClient, mustRun(t, "order-get", ByFunction), server.URL); err == nil {
			t.Error("it passes")
		}
	})
}

func TestState(t *testing.T) {
	t.Parallel()
	service := func(spec, status string) string {
		return `{"spec": {"template": {"spec": {"containers": [{"image": "r/x@sha256:1"}]}}, "traffic": [` + spec + `]},
			"status": {"latestCreatedRevisionName": "x-2", "url": "https://x-abc.a.run.app", "traffic": [` + status + `]}}`
	}
	whole := `{"revisionName": "x-1", "percent": 100}`
	for name, test := range map[string]struct {
		spec, status string
		stable       string
		settled      bool
	}{
		"one revision serves":                    {whole, whole, "x-1", true},
		"the newest serves":                      {`{"latestRevision": true, "percent": 100}`, `{"latestRevision": true, "revisionName": "x-2", "percent": 100}`, "x-2", true},
		"an operator's tag stays":                {whole + `, {"revisionName": "x-0", "tag": "mine"}`, whole, "x-1", true},
		"a tag is left":                          {whole + `, {"revisionName": "x-2", "tag": "next"}`, whole, "x-1", false},
		"a tag was asked for, and did not come":  {`{"revisionName": "x-2", "tag": "next"},` + whole, whole, "x-1", false},
		"two serve":                              {`{"revisionName": "x-2", "percent": 25}, {"revisionName": "x-1", "percent": 75}`, `{"revisionName": "x-2", "percent": 25}, {"revisionName": "x-1", "percent": 75}`, "x-1", false},
		"the new one serves, and is not settled": {`{"revisionName": "x-2", "percent": 100}`, `{"revisionName": "x-2", "percent": 100}, {"revisionName": "x-1", "tag": "previous"}`, "x-1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := ReadState(strings.NewReader(service(test.spec, test.status)))
			if err != nil || s.Stable != test.stable || s.Settled != test.settled || s.Latest != "x-2" || s.TagURL() != "https://next---x-abc.a.run.app" {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
	for _, broken := range []string{``, `{}`, service(whole, "")} {
		if _, err := ReadState(strings.NewReader(broken)); err == nil {
			t.Errorf("%q is taken", broken)
		}
	}
}
