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
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return at.Port()
}

func TestCheck(t *testing.T) {
	t.Parallel()
	t.Run("a program that serves is healthy, whatever else it answers", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(health.Handler(http.NotFoundHandler()))
		t.Cleanup(server.Close)
		if err := health.Check(t.Context(), mustPort(t, server)); err != nil {
			t.Error(err)
		}
		answer, err := http.Get(server.URL + "/v1/products")
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != http.StatusNotFound {
			t.Errorf("another path answers %s: it is not the program's any more", answer.Status)
		}
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("one that answers anything but 200 is not", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(server.Close)
		if err := health.Check(t.Context(), mustPort(t, server)); err == nil {
			t.Error("it is called healthy")
		}
	})
	t.Run("nor is one that does not listen", func(t *testing.T) {
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
			t.Error("it is called healthy")
		}
	})
}
