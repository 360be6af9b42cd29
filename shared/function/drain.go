package function

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// drainTimeout is how long a process may take to finish its requests. Cloud
	// Run kills it 10 s after SIGTERM; the rest is for closing what is open.
	drainTimeout = 7 * time.Second
	// drainQuiet is how long no request may have been seen for the process to
	// leave: the framework's listener stays open, and a request that a router
	// sent just before it knew must find someone home.
	drainQuiet = 100 * time.Millisecond
	drainPoll  = 5 * time.Millisecond
)

// drain counts the requests in flight, so that SIGTERM can wait for them: the
// framework has no way to shut its server down.
type drain struct {
	inFlight atomic.Int64
	lastSeen atomic.Int64  // unix nanoseconds
	stopping chan struct{} // closed when the process is to stop
}

func newDrain() *drain { return &drain{stopping: make(chan struct{})} }

type stoppingKey struct{}

// Stopping returns a channel that is closed when the process that serves ctx's
// request is to stop. An operation that waits for something must then answer
// with what it has: the process is killed some seconds later.
func Stopping(ctx context.Context) <-chan struct{} {
	stopping, _ := ctx.Value(stoppingKey{}).(chan struct{})
	return stopping // nil, which is never closed, outside of a request
}

// pause waits for a time, but not when the request has ended or the process is to stop.
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

func (d *drain) enter(w http.ResponseWriter) {
	d.inFlight.Add(1)
	if d.isStopping() {
		w.Header().Set("Connection", "close")
	}
}

// leave ends a request. While the process stops, the answer is sent first: the
// server would send it after the last one left, when the process may be gone.
func (d *drain) leave(w http.ResponseWriter) {
	if d.isStopping() {
		if err := http.NewResponseController(w).Flush(); err != nil {
			slog.Debug("the client left before its answer", "error", err)
		}
	}
	d.lastSeen.Store(time.Now().UnixNano())
	d.inFlight.Add(-1)
}

// wait returns when every request has its answer and no new one has come for a
// moment, at once when there was none lately, or false when time is up. It is
// called once.
func (d *drain) wait(ctx context.Context) bool {
	close(d.stopping)
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	poll := time.NewTicker(drainPoll)
	defer poll.Stop()
	for {
		if d.inFlight.Load() == 0 && time.Since(time.Unix(0, d.lastSeen.Load())) > drainQuiet {
			return true
		}
		select {
		case <-ctx.Done():
			return d.inFlight.Load() == 0
		case <-poll.C:
		}
	}
}
