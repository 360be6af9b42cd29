package relay_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"souk/emulators/identity"
	"souk/emulators/relay"
	"souk/shared/auth"
	"souk/shared/manifest"
)

const (
	account  = "pusher@test.iam.gserviceaccount.com"
	audience = "http://stock-reserve:8080"
)

// open returns a relay in front of a function, and a verifier as the function has it.
func open(t *testing.T, function http.HandlerFunc, retries ...time.Duration) (*httptest.Server, *auth.PushVerifier) {
	t.Helper()
	backend := httptest.NewServer(function)
	t.Cleanup(backend.Close)
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	issuer, err := identity.New(identity.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	handler, err = relay.New(relay.Options{
		Manifest: &manifest.Manifest{Functions: []manifest.Function{
			{Name: "stock-reserve", Events: []string{"order-placed"}},
			{Name: "payment-request", Events: []string{"order-placed"}, Filter: manifest.Filter{"payment": "required"}},
			{Name: "order-get", HTTP: "GET /v1/orders/{id}"},
		}},
		Endpoint:       func(f manifest.Function) string { return backend.URL + "/" + f.Name },
		Audience:       func(f manifest.Function) string { return "http://" + f.Name + ":8080" },
		ServiceAccount: account, Tokens: issuer, Transport: http.DefaultTransport,
		Retries: retries,
		Logger:  slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return server, auth.NewPushVerifier(auth.PushConfig{
		Issuer: server.URL, KeysURL: server.URL + "/oauth2/v3/certs", Audience: audience, ServiceAccount: account,
	}, time.Now)
}

// mustPost sends a push like the emulator's and returns the status.
func mustPost(t *testing.T, url string) int {
	t.Helper()
	return mustPostBody(t, url, `{"message":{}}`)
}

func mustPostBody(t *testing.T, url, body string) int {
	t.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	return response.StatusCode
}

func TestRelay(t *testing.T) {
	t.Parallel()
	t.Run("a push reaches its function unchanged, with a valid token", func(t *testing.T) {
		t.Parallel()
		type push struct{ path, authorization, body string }
		pushes := make(chan push, 1)
		server, verifier := open(t, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			pushes <- push{r.URL.Path, r.Header.Get("Authorization"), string(body)}
			w.WriteHeader(http.StatusNoContent)
		})
		if got := mustPost(t, server.URL+"/stock-reserve"); got != http.StatusNoContent {
			t.Errorf("got %d", got)
		}
		got := <-pushes
		if got.path != "/stock-reserve" || got.body != `{"message":{}}` {
			t.Errorf("the function received %+v", got)
		}
		token, _ := strings.CutPrefix(got.authorization, "Bearer ")
		if err := verifier.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
	})
	t.Run("the status of the function is returned to Pub/Sub", func(t *testing.T) {
		t.Parallel()
		for _, status := range []int{http.StatusOK, http.StatusBadRequest, http.StatusInternalServerError} {
			server, _ := open(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			if got := mustPost(t, server.URL+"/stock-reserve"); got != status {
				t.Errorf("got %d, want %d", got, status)
			}
		}
	})
	t.Run("an aborted response is not an acknowledgement", func(t *testing.T) {
		t.Parallel()
		server, _ := open(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		if got := mustPost(t, server.URL+"/stock-reserve"); got != http.StatusServiceUnavailable {
			t.Errorf("got %d", got)
		}
	})
	t.Run("a failed push is retried unchanged, and the last status is returned", func(t *testing.T) {
		t.Parallel()
		for failures, want := range map[int64]int{2: http.StatusNoContent, 9: http.StatusInternalServerError} {
			var tries atomic.Int64
			server, _ := open(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || string(body) != `{"message":{}}` {
					t.Errorf("the function received %q, %v", body, err)
				}
				if tries.Add(1) <= failures {
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
				w.WriteHeader(http.StatusNoContent)
			}, time.Millisecond, time.Millisecond)
			if got := mustPost(t, server.URL+"/stock-reserve"); got != want || tries.Load() != 3 {
				t.Errorf("after %d failures: status %d and %d attempts, want status %d and 3 attempts", failures, got, tries.Load(), want)
			}
		}
	})
	t.Run("a push to a busy function is retried", func(t *testing.T) {
		t.Parallel()
		var tries atomic.Int64
		server, _ := open(t, func(w http.ResponseWriter, _ *http.Request) {
			if tries.Add(1) == 1 {
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}, time.Millisecond)
		if got := mustPost(t, server.URL+"/stock-reserve"); got != http.StatusNoContent {
			t.Errorf("got %d", got)
		}
	})
	t.Run("a message that the filter does not select is acknowledged, and no function is called", func(t *testing.T) {
		t.Parallel()
		var calls atomic.Int64
		server, _ := open(t, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.WriteHeader(http.StatusConflict)
		})
		for body, want := range map[string]int{
			`{"message":{}}`: http.StatusNoContent,
			`{"message":{"attributes":{"payment":"none"}}}`:        http.StatusNoContent,
			`{"message":{"attributes":{"payment":"required"}}}`:    http.StatusConflict,
			`{"message":{"attributes":"a fault of the emulator"}}`: http.StatusConflict,
		} {
			if got := mustPostBody(t, server.URL+"/payment-request", body); got != want {
				t.Errorf("%s: got %d, want %d", body, got, want)
			}
		}
		if calls.Load() != 2 {
			t.Errorf("the function was called %d times", calls.Load())
		}
	})
	t.Run("functions of the public API are not reachable", func(t *testing.T) {
		t.Parallel()
		server, _ := open(t, func(http.ResponseWriter, *http.Request) { t.Error(errors.New("the function was called")) })
		if got := mustPost(t, server.URL+"/order-get"); got != http.StatusMethodNotAllowed {
			t.Errorf("got %d", got)
		}
	})
}
