package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/googleapis/gax-go/v2"

	"souk/shared/health"
)

// The environment variables of an instance of the lab's function.
const (
	waitVariable = "LAB_WAIT"
	slowVariable = "LAB_SLOW"
)

// slowFactor is how much longer a request takes in the slow instance.
const slowFactor = 10

// ServeInstance serves the function of the experiments until ctx is done, then finishes its
// requests: each waits for LAB_WAIT, as one that waits for a database does. The first instance
// that creates the file LAB_SLOW is slow.
func ServeInstance(ctx context.Context, getenv func(string) string) error {
	wait, err := time.ParseDuration(getenv(waitVariable))
	if err != nil {
		return fmt.Errorf("%s: %w", waitVariable, err)
	}
	if file := getenv(slowVariable); file != "" {
		created, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			wait *= slowFactor
			err = created.Close()
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", slowVariable, err)
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", getenv("PORT")))
	if err != nil {
		return fmt.Errorf("listen on PORT: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc(health.Path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if err := gax.Sleep(r.Context(), wait); err != nil {
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { stopped <- server.Shutdown(context.WithoutCancel(ctx)) })
	err = server.Serve(listener)
	if !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("serve an instance: %w", err)
	}
	return <-stopped
}
