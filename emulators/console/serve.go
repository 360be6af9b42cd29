package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"souk/shared/health"
)

const (
	readTimeout     = 10 * time.Second
	idleTimeout     = time.Minute
	shutdownTimeout = 5 * time.Second
)

// Serve serves a console on a listener until ctx is done. It closes the console.
func Serve(ctx context.Context, listener net.Listener, c *Console) error {
	server := &http.Server{
		Handler: health.Handler(c), ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		c.Close()
		return fmt.Errorf("serve the console on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	c.Close()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := server.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop the console: %w", err), server.Close())
	}
	<-served
	return err
}
