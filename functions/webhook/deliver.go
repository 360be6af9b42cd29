package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

const (
	// runFor is for how long a run begins attempts. It ends attemptTimeout later at most, and so
	// within the time of a delivery by Pub/Sub.
	runFor = 12 * time.Second
	// leaseTimeout is how long a run excludes others for the same endpoint: longer than a run. If a
	// process dies, the endpoint waits for the rest of it.
	leaseTimeout = 45 * time.Second
	// claimLimit is how many deliveries are read at a time.
	claimLimit = 100
	// concurrency is how many requests an endpoint gets at the same time, about different resources.
	concurrency = 8
	// recordTimeout bounds the transaction that stores the outcomes, also if the request has ended.
	recordTimeout = 15 * time.Second
)

// deliver sends the deliveries to an endpoint that are due, one after the other for each resource,
// until none is left or runFor has passed: then another event continues. If a run for the endpoint
// is in progress, or none is due, it does nothing.
func (s *service) deliver(ctx context.Context, _ event.Event, in DueEvent) error {
	w, err := s.lease(ctx, in.EndpointID)
	if err != nil || w == nil {
		return err
	}
	end := time.Now().Add(runFor)
	for {
		claims, err := s.claim(ctx, w)
		if err != nil || len(claims) == 0 {
			return err
		}
		outcomes, err := s.attemptAll(ctx, w, claims, end)
		recordCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
		done, recordErr := s.record(recordCtx, w, outcomes, ctx.Err() != nil || !time.Now().Before(end))
		cancel()
		if err := errors.Join(err, recordErr); err != nil {
			return fmt.Errorf("deliver to endpoint %s: %w", w.id, err)
		}
		if done {
			return nil
		}
	}
}

// worker is a run for an endpoint.
type worker struct {
	id, lease uuid.UUID
	url       string
	signer    signer
	failures  int // in a row, before the current round
}

// attemptAll attempts deliveries, several at a time, until end. It stops when as many fail as open
// the breaker, or when the endpoint asks for a pause.
func (s *service) attemptAll(ctx context.Context, w *worker, claims []claim, end time.Time) ([]outcome, error) {
	round := round{worker: w, claims: claims, failures: w.failures}
	var workers sync.WaitGroup
	for range min(concurrency, len(claims)) {
		workers.Go(func() {
			for ctx.Err() == nil && time.Now().Before(end) {
				c, found := round.next()
				if !found {
					return
				}
				round.add(s.attempt(ctx, w, c))
			}
		})
	}
	workers.Wait()
	return round.outcomes, errors.Join(round.errs...)
}

// round is what the goroutines of attemptAll share.
type round struct {
	worker *worker

	mu       sync.Mutex
	claims   []claim
	failures int // in a row
	stopped  bool
	outcomes []outcome
	errs     []error
}

// next returns the next delivery to attempt.
func (r *round) next() (claim, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.claims) == 0 || r.stopped {
		return claim{}, false
	}
	c := r.claims[0]
	r.claims = r.claims[1:]
	return c, true
}

// add adds the outcome of an attempt.
func (r *round) add(o outcome, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil:
		r.errs, r.stopped = append(r.errs, err), true
		return
	case o.interrupted:
		r.stopped = true
		return
	case o.succeeded():
		r.failures = 0
	default:
		r.failures++
	}
	r.stopped = r.stopped || r.failures >= openAfter || o.pauses() || o.status == statusGone
	r.outcomes = append(r.outcomes, o)
}

// claim returns deliveries that are due: the earliest of each resource. Without any it ends the
// lease. If the lease is lost, there are none.
func (s *service) claim(ctx context.Context, w *worker) (claims []claim, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		claims = nil
		state, err := lockLeased(ctx, tx, w)
		if err != nil || state != leaseHolds {
			return errors.Join(err, s.endLease(ctx, tx, w, state))
		}
		if claims, err = claimDue(ctx, tx, w, s.Now()); err != nil || len(claims) > 0 {
			return err
		}
		next, err := selectNextAt(ctx, tx, w.id)
		if err != nil {
			return err
		}
		return release(ctx, tx, w, next, time.Time{})
	})
	if err != nil {
		return nil, fmt.Errorf("claim deliveries to endpoint %s: %w", w.id, err)
	}
	return claims, nil
}

// endLease ends a lease that the run may not use any more. Another run uses the endpoint as it is now.
func (s *service) endLease(ctx context.Context, tx *database.Tx, w *worker, state leaseState) error {
	if state != leaseEnds {
		return nil
	}
	return release(ctx, tx, w, s.Now(), time.Time{})
}

// claimDue returns deliveries that are due and the earliest of their resource. The others wait.
func claimDue(ctx context.Context, tx *database.Tx, w *worker, now time.Time) ([]claim, error) {
	for {
		limit := claimLimit
		if w.failures >= openAfter {
			limit = 1
		}
		due, err := selectDue(ctx, tx, w.id, now, limit)
		if err != nil || len(due) == 0 {
			return nil, err
		}
		claims, waiting, err := separateWaiting(ctx, tx, w, due)
		if err != nil {
			return nil, err
		}
		if err := setWaiting(ctx, tx, w.id, waiting); err != nil || len(claims) > 0 {
			return claims, err
		}
	}
}

// separateWaiting returns the deliveries that are the earliest of their resource, and the ids of the
// others, which wait for them.
func separateWaiting(ctx context.Context, tx *database.Tx, w *worker, due []claim) (first []claim, waiting []uuid.UUID, err error) {
	resources := make([]uuid.UUID, len(due))
	for i := range due {
		resources[i] = due[i].resourceID
	}
	firstIDs, err := selectFirst(ctx, tx, w.id, distinct(resources))
	if err != nil {
		return nil, nil, err
	}
	for _, c := range due {
		if slices.Contains(firstIDs, c.eventID) {
			first = append(first, c)
		} else {
			waiting = append(waiting, c.eventID)
		}
	}
	return first, waiting, nil
}
