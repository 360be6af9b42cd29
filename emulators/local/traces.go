//go:build !container

package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"souk/emulators/sampling"
	"souk/emulators/trace"
	"souk/shared/telemetry"
)

const (
	// traceHeaderTimeout bounds how long the receiver of traces reads the header of a request.
	traceHeaderTimeout = 5 * time.Second
)

// traces are the recorded traces of the system. Functions export their spans over HTTP; the
// parts in this process store theirs directly.
type traces struct {
	store *trace.Store
	url   string
	// always records every trace. Otherwise those that begin while a page of the console is
	// open are recorded, up to a rate.
	always  bool
	sampler *sampling.Sampler
	// watching reports whether a page of the console is open. It is set when there is one.
	watching atomic.Pointer[func() bool]
}

// sampled reports whether a trace that begins now is recorded. A client's wish is ignored.
func (t *traces) sampled(bool) bool {
	return t.always || t.sampler.Sampled(false)
}

// watched reports whether a page of the console is open.
func (t *traces) watched() bool {
	watching := t.watching.Load()
	return watching != nil && (*watching)()
}

// tracer returns the tracer of a part of the system.
func (t *traces) tracer(part string) *telemetry.Tracer {
	return telemetry.NewLocalTracer(part, t.store, t.sampled)
}

// Traces returns the recorded traces of the system.
func (s *System) Traces() *trace.Store { return s.traces.store }

// startTraces serves the receiver of traces on a free port of 127.0.0.1.
func (s *System) startTraces(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for traces: %w", err)
	}
	s.traces.store, s.traces.sampler = trace.New(trace.Options{}), sampling.New(s.traces.watched)
	s.traces.url, s.traces.always = "http://"+listener.Addr().String(), s.options.Traces
	server := &http.Server{Handler: s.options.Hosts.Handler(s.traces.store), ReadHeaderTimeout: traceHeaderTimeout}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.fail(fmt.Errorf("receive traces: %w", err))
		}
	}()
	s.started("receiver of traces", func(context.Context) error {
		err := server.Close() // the functions have stopped, and lose nothing
		<-served
		return err
	})
	if s.options.Traces {
		return s.traces.url + ", all are recorded", nil
	}
	return s.traces.url + ", recorded while a page of the console is open", nil
}
