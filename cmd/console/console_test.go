package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"souk/emulators/sampling"
	"souk/emulators/trace"
	"souk/functions"
	"souk/shared/config"
)

// complete returns an environment with all settings.
func complete() config.Environment {
	environment := config.Environment{
		"CONSOLE_TOKEN": "a-token", "CONSOLE_URL": "http://127.0.0.1:8090", "SOUK_URL": "http://127.0.0.1:8080",
		"SOUK_MAIL_URL": "http://127.0.0.1:8025", "SOUK_PAYMENT_URL": "http://127.0.0.1:8095", "MAIL_URL": "http://mail:8080", "PUBSUB_EMULATOR_HOST": "127.0.0.1:1",
		"GOOGLE_CLOUD_PROJECT": "souk-local", "TRACE_HOSTS": "console",
	}
	for _, service := range functions.Manifest().Services() {
		environment[strings.ToUpper(service)+"_DATABASE_URL"] = "mysql://reader:password@127.0.0.1:1/souk_" + service
	}
	return environment
}

func TestServe(t *testing.T) {
	t.Parallel()
	anyPort := addresses{pages: "127.0.0.1:0", traces: "127.0.0.1:0"}
	t.Run("it stops without an error", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := serve(ctx, complete(), anyPort); err != nil {
			t.Error(err)
		}
	})
	for name := range complete() {
		if strings.HasPrefix(name, "SOUK_") || name == "MAIL_URL" || name == "TRACE_HOSTS" {
			continue
		}
		t.Run("it does not start without "+name, func(t *testing.T) {
			t.Parallel()
			environment := complete()
			delete(environment, name)
			if err := serve(t.Context(), environment, anyPort); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("error = %v, want one about %s", err, name)
			}
		})
	}
}

// TestTraceRoutes requires that containers can send spans and read whether a page is open, and
// nothing else.
func TestTraceRoutes(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(traceRoutes(trace.New(trace.Options{}), func() bool { return true }))
	t.Cleanup(server.Close)
	get := func(path string) (status int, body string) {
		response, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	if status, body := get(sampling.Path); status != http.StatusOK || body != "true" {
		t.Errorf("%s: status %d and %q, want 200 and true", sampling.Path, status, body)
	}
	if status, _ := get(trace.Path); status != http.StatusMethodNotAllowed {
		t.Errorf("GET %s: status %d, want 405", trace.Path, status)
	}
	for _, page := range []string{"/", "/orders", "/asset/console.css"} {
		if status, _ := get(page); status != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", page, status)
		}
	}
}
