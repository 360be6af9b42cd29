package cloudrun

import (
	"context"
	"slices"
	"time"
)

const (
	// firstBackoff is the pause after the second failed instance in a row. It doubles with
	// every further one, up to maxBackoff.
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 10 * time.Second
)

// unavailable is the error of a request without an instance. The client only receives
// retryAfter, not the cause.
type unavailable struct {
	retryAfter time.Duration
	cause      error
}

func (u *unavailable) Error() string { return "no instance: " + u.cause.Error() }
func (u *unavailable) Unwrap() error { return u.cause }

// acquire returns a serving instance, and counts the request until release. If necessary
// it starts an instance and waits until it listens.
func (s *service) acquire(ctx context.Context) (*instance, error) {
	for {
		inst, serving, err := s.route()
		if err != nil || serving {
			return inst, err
		}
		s.queued.Add(1)
		select {
		case <-inst.settled:
			err = inst.startErr
		case <-ctx.Done():
			s.queued.Add(-1)
			return nil, ctx.Err()
		}
		s.queued.Add(-1)
		if err != nil {
			return nil, &unavailable{cause: err}
		}
	}
}

// route selects a serving instance, or a starting one to wait for. It alone decides on the
// number of instances: at most one that can accept requests, besides those that are leaving.
func (s *service) route() (inst *instance, serving bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false, &unavailable{cause: errStopped}
	}
	if inst = s.leastBusy(); inst != nil {
		inst.inFlight++
		inst.requests++
		return inst, true, nil
	}
	if i := slices.IndexFunc(s.instances, func(i *instance) bool { return i.state == starting }); i >= 0 {
		return s.instances[i], false, nil
	}
	if wait := time.Until(s.notBefore); wait > 0 {
		return nil, false, &unavailable{retryAfter: wait, cause: s.cause}
	}
	s.started++
	inst = newInstance(s, s.started)
	s.instances = append(s.instances, inst)
	s.platform.running.Go(inst.run)
	return inst, false, nil
}

func (s *service) leastBusy() *instance {
	var least *instance
	for _, i := range s.instances {
		if i.state == serving && (least == nil || i.inFlight < least.inFlight) {
			least = i
		}
	}
	return least
}

// release ends a request that acquire has counted. responded reports whether the instance
// had begun a response.
func (s *service) release(inst *instance, responded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	inst.inFlight--
	if responded {
		inst.responded, inst.respondedAt = true, time.Now()
		s.useless = 0
	}
	if inst.inFlight > 0 {
		return
	}
	inst.idleSince = time.Now()
	if inst.state == leaving {
		close(inst.drained)
	}
}

// retire removes an instance from routing. The instance's goroutine then terminates it.
func (s *service) retire(inst *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retireLocked(inst)
}

func (s *service) retireLocked(inst *instance) {
	if inst.state == leaving {
		return
	}
	inst.state = leaving
	close(inst.retired)
	if inst.inFlight == 0 {
		close(inst.drained)
	}
}

// retireIdle retires an instance without requests for IdleTimeout, or returns the remaining
// time.
func (s *service) retireIdle(inst *instance) (remaining time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	idle := s.platform.options.IdleTimeout
	if inst.inFlight > 0 {
		return idle
	}
	if remaining = idle - time.Since(inst.idleSince); remaining > 0 {
		return remaining
	}
	inst.expected = true
	s.retireLocked(inst)
	return 0
}

// markServing adds a started instance to routing, unless it has been retired.
func (s *service) markServing(inst *instance) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if inst.state != starting {
		return false
	}
	inst.state = serving
	inst.idleSince = time.Now()
	inst.respondedAt = inst.idleSince
	return true
}

// remove removes an instance whose process has ended, and reports whether its end was
// expected. An instance that ended by itself without a response delays the start of the
// next, which bounds the load of a crash loop.
func (s *service) remove(inst *instance, cause error) (backoff time.Duration, expected bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retireLocked(inst)
	s.instances = slices.DeleteFunc(s.instances, func(i *instance) bool { return i == inst })
	if inst.expected || inst.responded {
		return 0, inst.expected
	}
	s.useless++
	backoff = backoffAfter(s.useless)
	s.notBefore, s.cause = time.Now().Add(backoff), cause
	return backoff, false
}

// backoffAfter returns the pause after a number of failed instances in a row. The first is
// not delayed: it may have been killed before its first response.
func backoffAfter(useless int) time.Duration {
	if useless < 2 {
		return 0
	}
	return min(firstBackoff<<min(useless-2, 10), maxBackoff)
}
