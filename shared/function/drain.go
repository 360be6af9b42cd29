package function

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// drainTimeout bounds the wait for requests in flight. Cloud Run kills a process 10 s
	// after SIGTERM; the remaining time is for closing connections.
	drainTimeout = 7 * time.Second
	// drainQuiet is the time without requests after which the process may exit. The
	// framework's listener stays open, because Cloud Run's front end may still send requests
	// that it assigned to the instance before SIGTERM.
	drainQuiet = 100 * time.Millisecond
	drainPoll  = 5 * time.Millisecond
)

// drain counts the requests in flight, so that the process can wait for them after SIGTERM:
// the framework cannot shut down its server.
type drain struct {
	inFlight      atomic.Int64
	lastCompleted atomic.Int64  // the end of the last request, in Unix nanoseconds
	stopping      chan struct{} // closed when the process is stopping
}

func newDrain() *drain { return &drain{stopping: make(chan struct{})} }

type stoppingKey struct{}

// Stopping returns a channel that is closed when the process that serves ctx's request is
// stopping. An operation that waits must then respond at once: the process is killed some
// seconds later.
func Stopping(ctx context.Context) <-chan struct{} {
	stopping, _ := ctx.Value(stoppingKey{}).(chan struct{})
	return stopping // nil, which is never closed, outside of a request
}

// pause waits for d and reports whether it did. It returns early, with false, when the request
// has ended or the process is stopping.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-Stopping(ctx):
	case <-ctx.Done():
	}
	return false
}

func (d *drain) isStopping() bool {
	select {
	case <-d.stopping:
		return true
	default:
		return false
	}
}

// serve returns middleware that counts the requests in flight.
func (d *drain) serve(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.enter(w)
		defer d.leave(w)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), stoppingKey{}, d.stopping)))
	})
}

// enter begins a request. While the process is stopping, the client must not reuse the
// connection.
func (d *drain) enter(w http.ResponseWriter) {
	d.inFlight.Add(1)
	if d.isStopping() {
		w.Header().Set("Connection", "close")
	}
}

// leave ends a request. While the process is stopping, it flushes the response first: the
// server would send it after leave, when the process may have exited.
func (d *drain) leave(w http.ResponseWriter) {
	if d.isStopping() {
		if err := http.NewResponseController(w).Flush(); err != nil {
			slog.Debug("client disconnected before its response", "error", err)
		}
	}
	d.lastCompleted.Store(time.Now().UnixNano())
	d.inFlight.Add(-1)
}

// wait waits until no request has been in flight for drainQuiet. It reports whether all
// requests have ended within drainTimeout. It is called once.
func (d *drain) wait(ctx context.Context) bool {
	close(d.stopping)
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	poll := time.NewTicker(drainPoll)
	defer poll.Stop()
	for {
		if d.inFlight.Load() == 0 && time.Since(time.Unix(0, d.lastCompleted.Load())) > drainQuiet {
			return true
		}
		select {
		case <-ctx.Done():
			return d.inFlight.Load() == 0
		case <-poll.C:
		}
	}
}
