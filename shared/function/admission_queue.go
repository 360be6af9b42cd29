package function

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"souk/shared/telemetry"
)

const (
	// serviceWeight is the weight of a new value in the moving average of service times: 1/8.
	serviceWeight = 8
	// drainWait is how long a request may still wait after SIGTERM. The remaining time until
	// drainTimeout is for the work itself.
	drainWait = drainTimeout / 2
)

// admissionQueue admits a limited number of requests at the same time. Others wait in the order of
// their arrival, if their estimated wait is at most maxWait, and for at most that long. So no
// request waits in vain that could have been refused at once.
//
// First in, first out is the right order here: the wait is bounded below the timeouts of
// clients, so no work is spent on a request whose client has given up, and none is overtaken
// until it fails (docs/adr/0047).
type admissionQueue struct {
	limit int
	// most is the maximum number of requests that are worked on or wait.
	most     int
	maxWait  time.Duration
	stopping <-chan struct{} // closed when the process is stopping

	mu      sync.Mutex
	waiting []*waiter // oldest first
	// working is the number of admitted requests, and begins the sum of their begins, as the
	// time since epoch.
	working int
	begins  time.Duration
	epoch   time.Time
	// service is the moving average of the time from admission to the end.
	service time.Duration
}

// waiter is a waiting request.
type waiter struct {
	arrival  time.Time
	admitted chan struct{} // closed when place is set
	place    *place
}

// overloaded is the error of a request that is not admitted. wait is its estimated wait.
type overloaded struct{ wait time.Duration }

func (o *overloaded) Error() string { return "overloaded: the estimated wait is " + o.wait.String() }

// place is the place of an admitted request.
type place struct {
	queue *admissionQueue
	begin time.Duration // since the queue's epoch
	// arrival is when the request began to wait, zero if it did not.
	arrival time.Time
	left    atomic.Bool
}

func newAdmissionQueue(limit, most int, maxWait time.Duration, stopping <-chan struct{}) *admissionQueue {
	return &admissionQueue{limit: min(limit, most), most: most, maxWait: maxWait, stopping: stopping, epoch: time.Now()}
}

// enter admits a request, at once or after a wait. It returns an *overloaded error for a
// request that would wait too long or did, and the context's error if that ends first. The
// caller must call leave of the place.
func (q *admissionQueue) enter(ctx context.Context) (*place, error) {
	q.mu.Lock()
	if q.working < q.limit {
		defer q.mu.Unlock()
		q.working++
		return q.newPlaceLocked(), nil
	}
	if wait := q.estimateLocked(); wait > q.boundLocked() || q.working+len(q.waiting) >= q.most {
		defer q.mu.Unlock()
		return nil, &overloaded{wait}
	}
	w := &waiter{arrival: time.Now(), admitted: make(chan struct{})}
	q.waiting = append(q.waiting, w)
	q.mu.Unlock()
	err := q.wait(ctx, w)
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.place == nil {
		at := slices.Index(q.waiting, w)
		q.waiting = slices.Delete(q.waiting, at, at+1)
		return nil, err
	}
	if err := ctx.Err(); err != nil { // it ended at the moment of the admission
		q.passOnLocked(w.place)
		return nil, err
	}
	return w.place, nil
}

// boundLocked returns the longest estimated wait of a new request.
func (q *admissionQueue) boundLocked() time.Duration {
	select {
	case <-q.stopping:
		return min(q.maxWait, drainWait)
	default:
		return q.maxWait
	}
}

// wait waits until a request is admitted, may wait no longer or has ended.
func (q *admissionQueue) wait(ctx context.Context, w *waiter) (err error) {
	ctx, span := telemetry.Start(ctx, "wait for admission", trace.SpanKindInternal)
	defer func() { span.End(err) }()
	end := w.arrival.Add(q.maxWait)
	timer := time.NewTimer(q.maxWait)
	defer timer.Stop()
	stopping := q.stopping
	for {
		select {
		case <-w.admitted:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-stopping:
			stopping = nil
			timer.Reset(min(time.Until(end), drainWait))
		case <-timer.C:
			q.mu.Lock()
			defer q.mu.Unlock()
			return &overloaded{q.estimateLocked()}
		}
	}
}

// estimateLocked returns the estimated wait of a request that arrives now. The service time
// is the larger of the average and the mean age of the requests that are worked on, so that it
// also grows while none ends: when the database does not respond.
func (q *admissionQueue) estimateLocked() time.Duration {
	if q.working == 0 {
		return q.service
	}
	age := time.Since(q.epoch) - q.begins/time.Duration(q.working)
	return max(q.service, age) * time.Duration(len(q.waiting)+1) / time.Duration(q.working)
}

// newPlaceLocked returns the place of a request that is counted in working.
func (q *admissionQueue) newPlaceLocked() *place {
	p := &place{queue: q, begin: time.Since(q.epoch)}
	q.begins += p.begin
	return p
}

// leave ends the work on a request. Only the first call has an effect.
func (p *place) leave() {
	if p.left.Swap(true) {
		return
	}
	q := p.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	took := time.Since(q.epoch) - p.begin
	if q.service == 0 {
		q.service = took
	}
	q.service += (took - q.service) / serviceWeight
	q.passOnLocked(p)
}

// passOnLocked admits the request that has waited longest in place of p's.
func (q *admissionQueue) passOnLocked(p *place) {
	q.begins -= p.begin
	if len(q.waiting) == 0 {
		q.working--
		return
	}
	w := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	w.place = q.newPlaceLocked()
	w.place.arrival = w.arrival
	close(w.admitted)
}
