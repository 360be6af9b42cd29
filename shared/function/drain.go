package function

import (
	"context"
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
	lastSeen atomic.Int64 // unix nanoseconds
	draining atomic.Bool
}

func (d *drain) enter(w http.ResponseWriter) {
	d.inFlight.Add(1)
	if d.draining.Load() {
		w.Header().Set("Connection", "close")
	}
}

func (d *drain) leave() {
	d.lastSeen.Store(time.Now().UnixNano())
	d.inFlight.Add(-1)
}

// wait returns when every request has its answer and no new one has come for a
// moment, at once when there was none lately, or false when time is up.
func (d *drain) wait(ctx context.Context) bool {
	d.draining.Store(true)
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
