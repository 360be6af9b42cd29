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

// Limits of a connection. A client gets its answer whole within writeTimeout of
// sending its header, so it is longer than the time a function may take.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = time.Minute
	maxHeaderBytes    = 64 << 10 // as Google's load balancer
	writeMargin       = 30 * time.Second
	shutdownTimeout   = 10 * time.Second
)

// Serve serves a gateway on a listener until ctx ends, then lets the requests in
// flight finish, for 10 s at most. Its error is nil when no request was cut off.
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
	// The listener goes first, for good: a client whose idle connection we close
	// then finds nobody there, instead of a backlog that nobody will ever read.
	closed := listener.Close()
	<-served
	cut := server.Shutdown(drain)
	if cut != nil {
		cut = errors.Join(fmt.Errorf("stop the gateway: requests were cut off: %w", cut), server.Close())
	}
	return errors.Join(closed, cut)
}
