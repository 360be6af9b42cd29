package event

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"souk/shared/clock"
)

const (
	// breakerThreshold is the number of publishes in a row without a response of Pub/Sub
	// after which requests do not publish for breakerPause.
	breakerThreshold = 3
	breakerPause     = 5 * time.Second
	// probeTimeout is how long the request waits that publishes first after the pause.
	probeTimeout = time.Second
)

// errPaused is the error of an event that a request has not published.
var errPaused = errors.New("not published: Pub/Sub has not responded to the last requests")

// breaker is a circuit breaker (https://martinfowler.com/bliki/CircuitBreaker.html) between
// the requests of an instance and Pub/Sub. While Pub/Sub does not respond, each request would
// wait for publishTimeout, and then leave its events to the sweep. Behind the breaker, the
// first requests do; the following ones leave their events to the sweep at once. After
// breakerPause one request publishes again. Its success ends the pause.
type breaker struct {
	publisher Publisher
	now       clock.Clock

	mu sync.Mutex
	// failures is the number of publishes in a row without a response.
	failures int
	// pausedUntil is the end of the pause; zero without one. probing is set while a request
	// publishes after it.
	pausedUntil time.Time
	probing     bool
}

// Publish publishes events, or returns errPaused for each.
func (b *breaker) Publish(ctx context.Context, events []Event) (errs []error) {
	admitted, probe := b.admit()
	if !admitted {
		errs = make([]error, len(events))
		for i := range errs {
			errs[i] = errPaused
		}
		return errs
	}
	if probe {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, probeTimeout)
		defer cancel()
	}
	defer func() { b.record(probe, hasResponse(errs)) }()
	return b.publisher.Publish(ctx, events)
}

// admit reports whether a request may publish, and whether it is the first after a pause.
func (b *breaker) admit() (admitted, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pausedUntil.IsZero() {
		return true, false
	}
	if b.probing || b.now().Before(b.pausedUntil) {
		return false, false
	}
	b.probing = true
	return true, true
}

// record counts the result of a publish. Results of requests from before the pause do not
// change it, except that a response ends it.
func (b *breaker) record(probe, responded bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
	if responded {
		b.failures, b.pausedUntil = 0, time.Time{}
		return
	}
	b.failures++
	if probe || b.failures >= breakerThreshold && b.pausedUntil.IsZero() {
		b.pausedUntil = b.now().Add(breakerPause)
	}
}

// hasResponse reports whether Pub/Sub has responded for any event, also with an error: a
// missing topic or an invalid message does not make others wait.
func hasResponse(errs []error) bool {
	for _, err := range errs {
		switch code := status.Code(err); {
		case errors.Is(err, context.DeadlineExceeded), code == codes.DeadlineExceeded, code == codes.Unavailable:
		default:
			return true
		}
	}
	return false
}
