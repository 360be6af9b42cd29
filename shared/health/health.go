// Package health serves a health check and calls it: an image with a single binary has no
// shell and no curl that could.
package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Path is the route of the health check, which responds with 200 while the program
// serves. It is not /healthz because Google's front ends reserve paths that end in z, so
// that it would work locally and be missing in the cloud
// (https://cloud.google.com/run/docs/known-issues#ah). No route of the shop begins with
// /-/.
const Path = "/-/healthy"

// Command is the argument with which a program runs the health check instead of serving.
const Command = "healthcheck"

// timeout bounds a health check.
const timeout = 5 * time.Second

// Handler serves Path and passes all other requests to next. It does not log, because
// health checks arrive every few seconds.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != Path {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		// An error means that the client has disconnected.
		_, _ = w.Write([]byte("ok\n"))
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
