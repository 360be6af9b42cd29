package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Timeouts of the server. Responses may be delayed by a fault.
const (
	readTimeout  = 10 * time.Second
	writeTimeout = maxDelay + 10*time.Second
	idleTimeout  = time.Minute
)

// Server is a provider with a listener.
type Server struct {
	*Provider
	web     *http.Server
	stop    context.CancelFunc
	running sync.WaitGroup
	failed  chan error
}

// Start starts a server, which runs until Shutdown. An empty address is a free port of 127.0.0.1.
// ctx applies to the start only.
func Start(ctx context.Context, address string, options Options) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cmp.Or(address, "127.0.0.1:0"))
	if err != nil {
		return nil, fmt.Errorf("listen for payments: %w", err)
	}
	options.URL = cmp.Or(options.URL, "http://"+listener.Addr().String())
	p, err := New(options)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{Provider: p, stop: stop, failed: make(chan error, 1)}
	s.web = &http.Server{
		Handler: p, ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		BaseContext: func(net.Listener) context.Context { return run },
		ErrorLog:    slog.NewLogLogger(p.options.Logger.Handler(), slog.LevelDebug),
	}
	s.running.Go(func() { p.Run(run) })
	s.running.Go(func() { s.failed <- s.web.Serve(listener) })
	return s, nil
}

// URL returns the address of the provider.
func (s *Server) URL() string { return s.options.URL }

// Wait waits until ctx is done and returns nil, or until the server fails and returns the error.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return fmt.Errorf("serve payments: %w", err)
	}
}

// Shutdown stops the server. Requests that wait for a fault end at once; callbacks that are not
// delivered are sent after the next start with the same directory.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	err := s.web.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop the payment provider: %w", err), s.web.Close())
	}
	s.running.Wait()
	return errors.Join(err, s.Close())
}
