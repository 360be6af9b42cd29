// Package health serves a health check and calls it: an image with a single binary has no
// shell and no curl that could.
package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Path is the route of the health check, which responds with 200 while the program
// serves. It is not /healthz because Google's front ends reserve paths that end in z, so
// that it would work locally and be missing in the cloud
// (https://cloud.google.com/run/docs/known-issues#ah). No route of the shop begins with
// /-/.
const Path = "/-/healthy"

// Argument is the argument with which a program runs the health check instead of serving.
const Argument = "healthcheck"

// timeout bounds a health check.
const timeout = 5 * time.Second

// StartupPath is the route of the startup probe. It responds with 200 when the program is
// ready for its first request, and with 503 before.
const StartupPath = "/-/started"

const (
	// startupTimeout bounds the wait for the database. Afterwards the program starts
	// without it: a probe that required the database would restart every instance while
	// the database is unavailable.
	startupTimeout = 10 * time.Second
	// startupResponse bounds the wait of a probe, which Cloud Run ends after a second.
	startupResponse = 800 * time.Millisecond
)

// Startup serves StartupPath and passes all other requests to next. The first probe calls
// connect. The program has started when connect has ended, with or without an error, or after
// 10 s.
func Startup(connect func(context.Context) error, next http.Handler) http.Handler {
	return startup(connect, startupTimeout, startupResponse, next)
}

func startup(connect func(context.Context) error, timeout, response time.Duration, next http.Handler) http.Handler {
	var once sync.Once
	started := make(chan struct{})
	run := func(ctx context.Context) {
		defer close(started)
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		if err := connect(ctx); err != nil {
			slog.WarnContext(ctx, "started without a connection to the database", "error", err)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != StartupPath {
			next.ServeHTTP(w, r)
			return
		}
		// connect continues after this probe: connecting may take longer than a probe waits.
		once.Do(func() { go run(context.WithoutCancel(r.Context())) })
		ctx, cancel := context.WithTimeout(r.Context(), response)
		defer cancel()
		select {
		case <-started:
			respond(w, http.StatusOK, "started\n")
		case <-ctx.Done():
			respond(w, http.StatusServiceUnavailable, "starting\n")
		}
	})
}

// respond writes a probe's response. It ignores the error of a client that has disconnected.
func respond(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// Handler serves Path and passes all other requests to next. It does not log, because
// health checks arrive every few seconds.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != Path {
			next.ServeHTTP(w, r)
			return
		}
		respond(w, http.StatusOK, "ok\n")
	})
}

// Check checks the health of the program that listens on a port of this machine.
func Check(ctx context.Context, port string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	url := "http://" + net.JoinHostPort("127.0.0.1", port) + Path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("check the health on port %s: %w", port, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("check the health: %w", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("check the health: %s responds with %s", url, response.Status)
	}
	return nil
}
