package function

import (
	"context"
	"errors"
	"math"
	"net/http"
	"time"

	"souk/shared/api"
	"souk/shared/failure"
	"souk/shared/manifest"
)

const (
	// maxQueueWait is the longest that a client's request waits until it is worked on. It is
	// shorter than the time for which clients wait for a response.
	maxQueueWait = 8 * time.Second
	// workingPerConnection is how many requests are worked on at the same time for each
	// connection of the pool: one uses it while others decode their input, publish their
	// events or send their response. More would wait for a connection in the pool, where no
	// estimate refuses them.
	workingPerConnection = 8
)

// withAdmission works on as many requests of a function at the same time as the process can
// serve, holds others that it can serve in time, and refuses all others at once with 503 and
// Retry-After, before they cost anything: see admissionQueue.
func withAdmission(s *server, next endpoint) http.Handler {
	limit := admissionLimit(next, s.options.Manifest.ScalingOf(next.entry).Concurrency, s.connections())
	most := s.maxRequests(next.entry)
	if s.options.MaxWorking != nil {
		if limit = *s.options.MaxWorking; limit == 0 {
			most = 0
		}
	}
	bound := &admission{
		queue: newAdmissionQueue(limit, most, maxHold(next.entry, s.options.Manifest.Delivery), s.drain.stopping),
		next:  next.handler,
	}
	if next.entry.HTTP == "" {
		bound.deadline = s.options.Manifest.Delivery.AckDeadline - ackMargin
	}
	if next.operation != nil {
		_, bound.leavesEarly = next.operation.Metadata[afterCommit]
	}
	return bound
}

// admissionLimit returns how many requests of an endpoint are worked on at the same time. This
// is the only place that decides it.
//
// The requests of most endpoints need a connection each. An endpoint that shares connections,
// or uses none, works on all requests that the platform sends to an instance, so that batches
// form; its limit is for platforms that do not bound the requests of an instance.
func admissionLimit(e endpoint, concurrency, connections int) int {
	if concurrency == 0 {
		concurrency = math.MaxInt // the manifest has no scaling
	}
	switch {
	case connections == 0 || e.entry.Database == manifest.NoDatabase:
		return concurrency
	case e.sharesConnections || e.operation != nil && e.operation.Metadata[sharesConnectionsKey] != nil:
		// The scaling of a deployment may have more than the manifest's, but not more
		// than this.
		return max(concurrency, manifest.RequestsPerConnection*connections)
	default:
		return min(concurrency, workingPerConnection*connections)
	}
}

// maxRequests returns how many requests of a function may be worked on or wait: half of those
// that an instance gets if it has low priority and shares the process with other functions, so
// that logins leave room for reads.
func (s *server) maxRequests(entry manifest.Function) int {
	concurrency := s.options.Manifest.Scaling[manifest.PerService][entry.Kind()].Concurrency
	if s.options.Target != "" || !entry.LowPriority || concurrency == 0 {
		return math.MaxInt
	}
	return max(1, concurrency/2)
}

// maxHold returns how long a request may wait until it is worked on. Deliveries are held for up
// to half of their acknowledgement deadline: a refusal spends one of the message's attempts,
// and delays it by Pub/Sub's backoff.
func maxHold(entry manifest.Function, delivery manifest.Delivery) time.Duration {
	if entry.HTTP == "" {
		return delivery.AckDeadline / 2
	}
	return maxQueueWait
}

// connections returns the size of the pool, 0 without a bound.
func (s *server) connections() int {
	if s.DB == nil {
		return 0
	}
	return s.DB.SQL().Stats().MaxOpenConnections
}

// admission admits the requests of an endpoint.
type admission struct {
	queue *admissionQueue
	next  http.Handler
	// deadline bounds the time from the arrival of a delivery to its response; 0 of others.
	deadline time.Duration
	// leavesEarly reports whether the operation calls leaveAdmission.
	leavesEarly bool
}

// ServeHTTP serves a request when it is admitted.
func (a *admission) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, err := a.queue.enter(r.Context())
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	defer p.leave()
	ctx := r.Context()
	if a.leavesEarly {
		ctx = context.WithValue(ctx, placeKey{}, p)
	}
	if !p.arrival.IsZero() && a.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, p.arrival.Add(a.deadline))
		defer cancel()
	}
	if ctx != r.Context() {
		r = r.WithContext(ctx)
	}
	a.next.ServeHTTP(w, r)
}

// refuse responds to a request that is not admitted. After the 503 Pub/Sub delivers a message
// again with backoff. The request log has the refusal; another line would cost as much again.
func (a *admission) refuse(w http.ResponseWriter, r *http.Request, err error) {
	full, ok := errors.AsType[*overloaded](err)
	if !ok {
		failure.ProblemFromError(r.Context(), err).Write(w, r)
		return
	}
	api.Overloaded(min(full.wait-a.queue.maxWait, a.queue.maxWait)).Write(w, r)
}

// placeKey is the context key of the place of an admitted request.
type placeKey struct{}

// leaveAdmission lets the next request be worked on before the response to ctx's: it only
// waits from now on.
func leaveAdmission(ctx context.Context) {
	if p, ok := ctx.Value(placeKey{}).(*place); ok {
		p.leave()
	}
}
