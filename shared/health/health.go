// Package health lets a program say that it is alive, and ask another one of the
// same image: an image of one binary has no shell and no curl to ask with.
package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Path answers 200 while a program serves. It is not /healthz: Google's front
// ends keep paths that end in z for themselves, so it would work here and be
// missing in the cloud (https://cloud.google.com/run/docs/known-issues#ah). And no
// route of the shop can begin with /-/.
const Path = "/-/healthy"

// Command is the argument that makes a program ask instead of serve.
const Command = "healthcheck"

// patience is how long an answer may take.
const patience = 5 * time.Second

// Handler answers requests for Path itself, and hands all others to next. It logs
// nothing: somebody asks every few seconds.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != Path {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		// Who asked and left is not this program's problem.
		_, _ = w.Write([]byte("ok\n"))
	})
}

// Check asks the program that listens on a port of this machine. Its error says
// what is wrong.
func Check(ctx context.Context, port string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	url := "http://" + net.JoinHostPort("127.0.0.1", port) + Path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask for the health on port %s: %w", port, err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask for the health: %w", err)
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for the health: %s answers %s", url, answer.Status)
	}
	return nil
}
