package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of a connection. The write timeout, from the end of the request's header to the
// end of the response, is longer than the time in which a function must respond.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = time.Minute
	maxHeaderBytes    = 64 << 10 // the limit of Google's load balancer
	writeMargin       = 30 * time.Second
	shutdownTimeout   = 10 * time.Second
)

// Serve serves a gateway on a listener until ctx is done, then waits for running requests
// for up to 10 s. It returns an error if requests were aborted.
func Serve(ctx context.Context, listener net.Listener, g *Gateway) error {
	server := &http.Server{
		Handler:           g,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      g.options.Timeout + writeMargin,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(g.options.Logger.Handler(), slog.LevelDebug),
	}
	defer g.Close()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the gateway on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	// The listener is closed first: a client whose idle connection is closed then gets a
	// refused connection instead of waiting in a backlog that is never read.
	closeErr := listener.Close()
	<-served
	shutdownErr := server.Shutdown(drain)
	if shutdownErr != nil {
		shutdownErr = errors.Join(fmt.Errorf("stop the gateway: requests were aborted: %w", shutdownErr), server.Close())
	}
	return errors.Join(closeErr, shutdownErr)
}
