package health_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"souk/shared/health"
)

func mustPort(t *testing.T, server *httptest.Server) string {
	t.Helper()
	parsed, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Port()
}

func TestCheck(t *testing.T) {
	t.Parallel()
	t.Run("a program that serves is healthy", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(health.Handler(http.NotFoundHandler()))
		t.Cleanup(server.Close)
		if err := health.Check(t.Context(), mustPort(t, server)); err != nil {
			t.Error(err)
		}
		response, err := http.Get(server.URL + "/v1/products")
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("another path responds with %s: it is not passed on", response.Status)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("a program that responds with anything but 200 is unhealthy", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(server.Close)
		if err := health.Check(t.Context(), mustPort(t, server)); err == nil {
			t.Error("the check succeeded")
		}
	})
	t.Run("a program that does not listen is unhealthy", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		if err := health.Check(t.Context(), port); err == nil {
			t.Error("the check succeeded")
		}
	})
}
