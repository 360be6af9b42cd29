package health_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"souk/shared/health"
)

// mustProbe returns the status of a startup probe.
func mustProbe(t *testing.T, server *httptest.Server) int {
	t.Helper()
	response, err := server.Client().Get(server.URL + health.StartupPath)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	return response.StatusCode
}

func mustServe(t *testing.T, timeout, response time.Duration, connect func(context.Context) error) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(health.StartupWithin(connect, timeout, response, health.Handler(http.NotFoundHandler())))
	t.Cleanup(server.Close)
	return server
}

func TestStartup(t *testing.T) {
	t.Parallel()
	t.Run("passes when the database is connected, and connects once", func(t *testing.T) {
		t.Parallel()
		var calls atomic.Int64
		connected := make(chan struct{})
		server := mustServe(t, time.Hour, time.Millisecond, func(ctx context.Context) error {
			calls.Add(1)
			<-connected
			return ctx.Err() // the probe that called it has ended
		})
		for range 3 {
			if status := mustProbe(t, server); status != http.StatusServiceUnavailable {
				t.Errorf("responds with %d while it connects", status)
			}
		}
		if err := health.Check(t.Context(), mustPort(t, server)); err != nil {
			t.Errorf("liveness depends on the database: %v", err)
		}
		close(connected)
		for mustProbe(t, server) != http.StatusOK { // ends with the test's deadline at the latest
			if t.Context().Err() != nil {
				t.Fatal("the probe does not pass")
			}
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("connected %d times", n)
		}
	})
	t.Run("passes the first probe if connecting is fast", func(t *testing.T) {
		t.Parallel()
		server := mustServe(t, time.Hour, time.Hour, func(context.Context) error { return nil })
		if status := mustProbe(t, server); status != http.StatusOK {
			t.Errorf("responds with %d", status)
		}
	})
	t.Run("passes when the database refuses", func(t *testing.T) {
		t.Parallel()
		server := mustServe(t, time.Hour, time.Hour, func(context.Context) error { return errors.New("refused") })
		if status := mustProbe(t, server); status != http.StatusOK {
			t.Errorf("responds with %d", status)
		}
	})
	t.Run("passes after the timeout", func(t *testing.T) {
		t.Parallel()
		server := mustServe(t, time.Millisecond, time.Hour, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		if status := mustProbe(t, server); status != http.StatusOK {
			t.Errorf("responds with %d", status)
		}
	})
}
