package webhook

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/trail"
)

// statusGone is the status by which an endpoint asks not to be used any more.
const statusGone = http.StatusGone

// pauses reports whether the endpoint asks for a pause.
func (o *outcome) pauses() bool {
	return o.retryAfter > 0 && (o.status == http.StatusTooManyRequests || o.status == http.StatusServiceUnavailable)
}

// record stores the outcomes of a round. It reports whether the run is done: the lease is then
// ended. Outcomes are also stored if the lease is lost: the attempts were made.
func (s *service) record(ctx context.Context, w *worker, outcomes []outcome, end bool) (done bool, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		state, err := lockLeased(ctx, tx, w)
		if err != nil {
			return err
		}
		now := s.Now()
		if err := recordDeliveries(ctx, tx, w.id, outcomes, now); err != nil {
			return err
		}
		if state != leaseHolds {
			done = true
			return s.endLease(ctx, tx, w, state)
		}
		done, err = s.recordEndpoint(ctx, tx, w, outcomes, end, now)
		return err
	})
	return done, err
}

// recordDeliveries stores attempts and their effect on their deliveries, and makes the next delivery
// of each resource due. The endpoint must be locked.
func recordDeliveries(ctx context.Context, tx *database.Tx, endpointID uuid.UUID, outcomes []outcome, now time.Time) error {
	var delivered, failed, resources []uuid.UUID
	for i := range outcomes {
		o := &outcomes[i]
		next := now.Add(max(backoff(o.attempts+1), o.retryAfter))
		switch {
		case o.succeeded():
			delivered = append(delivered, o.eventID)
		case !next.Before(o.expiresAt):
			failed = append(failed, o.eventID)
		default:
			if err := retryAt(ctx, tx, endpointID, o.eventID, next, now); err != nil {
				return err
			}
			continue
		}
		resources = append(resources, o.resourceID)
	}
	if err := insertAttempts(ctx, tx, endpointID, outcomes); err != nil {
		return err
	}
	if err := finish(ctx, tx, endpointID, delivered, Delivered, 1, now); err != nil {
		return err
	}
	if err := finish(ctx, tx, endpointID, failed, Failed, 1, now); err != nil {
		return err
	}
	_, err := promote(ctx, tx, endpointID, distinct(resources), now)
	return err
}

// recordEndpoint stores the effect of outcomes on a locked endpoint. It reports whether the run is
// done, and ends the lease then.
func (s *service) recordEndpoint(ctx context.Context, tx *database.Tx, w *worker, outcomes []outcome, end bool, now time.Time) (done bool, err error) {
	h := summarize(w.failures, outcomes)
	if h.worksAgain {
		if err := hasten(ctx, tx, w.id, now); err != nil {
			return false, err
		}
	}
	failingSince, err := updateHealth(ctx, tx, w, h)
	if err != nil {
		return false, err
	}
	w.failures = h.failures
	switch {
	case h.gone:
		if failingSince.IsZero() { // an attempt of the same round has succeeded since
			failingSince = now
		}
		return true, s.disable(ctx, tx, w, Gone, failingSince, now)
	case h.failures > 0 && !failingSince.IsZero() && now.Sub(failingSince) >= disableAfter:
		return true, s.disable(ctx, tx, w, Failing, failingSince, now)
	case h.failures < openAfter && h.pause == 0 && !end:
		return false, extendLease(ctx, tx, w, now.Add(leaseTimeout))
	}
	return true, s.endRun(ctx, tx, w, h, now)
}

// endRun ends the lease of a run, with a pause if the endpoint fails or asks for it. If more is due
// and there is no pause, another run follows.
func (s *service) endRun(ctx context.Context, tx *database.Tx, w *worker, h health, now time.Time) error {
	next, err := selectNextAt(ctx, tx, w.id)
	if err != nil {
		return err
	}
	var pausedUntil time.Time
	wait := h.pause
	if h.failures >= openAfter {
		wait = max(wait, pause(h.failures))
	}
	if wait > 0 {
		pausedUntil = now.Add(wait)
	}
	if err := release(ctx, tx, w, next, pausedUntil); err != nil {
		return err
	}
	if wait > 0 || next.IsZero() || next.After(now) {
		return nil
	}
	return topicDue.Add(ctx, tx, s.Outbox, w.id, DueEvent{w.id})
}

// health is what the outcomes of a round show of an endpoint.
type health struct {
	failures   int // in a row
	succeeded  bool
	worksAgain bool // an attempt has succeeded after as many failures as open the breaker
	gone       bool
	pause      time.Duration
	failedAt   time.Time // of the first failure after the last success
}

// summarize returns the health of an endpoint after a number of failures and further outcomes.
func summarize(failures int, outcomes []outcome) health {
	h := health{failures: failures}
	for i := range outcomes {
		o := &outcomes[i]
		if o.succeeded() {
			h.worksAgain = h.worksAgain || h.failures >= openAfter
			h.succeeded, h.failures, h.failedAt = true, 0, time.Time{}
			continue
		}
		if h.failures++; h.failedAt.IsZero() {
			h.failedAt = o.at
		}
		h.gone = h.gone || o.status == statusGone
		if o.pauses() {
			h.pause = max(h.pause, o.retryAfter)
		}
	}
	return h
}

// disable disables a locked endpoint and ends the lease.
func (s *service) disable(ctx context.Context, tx *database.Tx, w *worker, reason DisabledReason, failingSince, now time.Time) error {
	if err := disableEndpoint(ctx, tx, w.id, reason, now); err != nil {
		return fmt.Errorf("disable endpoint %s: %w", w.id, err)
	}
	entry := trail.Change{
		Resource: resourceWebhook, ID: w.id, At: now,
		Before: trail.Fields{"status": Enabled}, After: trail.Fields{"status": Disabled, "disabledReason": reason},
	}
	if err := trail.Record(ctx, tx, entry); err != nil {
		return err
	}
	return topicDisabled.Add(ctx, tx, s.Outbox, w.id, DisabledEvent{EndpointID: w.id, URL: w.url, Reason: reason, FailingSince: failingSince})
}
