package cloudrun

import (
	"context"
	"slices"
	"time"
)

const (
	// firstBackoff is the pause after the second instance in a row that was of no
	// use. It doubles with every further one, up to maxBackoff.
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 10 * time.Second
)

// unavailable is why a request finds no instance. The client hears when to come
// again, and nothing of the cause.
type unavailable struct {
	retryAfter time.Duration
	cause      error
}

func (u *unavailable) Error() string { return "no instance: " + u.cause.Error() }
func (u *unavailable) Unwrap() error { return u.cause }

// acquire returns an instance that serves, and counts the request to it until
// release. When there is none it starts one and waits until it listens.
func (s *service) acquire(ctx context.Context) (*instance, error) {
	for {
		inst, serving, err := s.route()
		if err != nil || serving {
			return inst, err
		}
		select {
		case <-inst.settled:
			if inst.startErr != nil {
				return nil, &unavailable{cause: inst.startErr}
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// route decides where a request goes: to an instance that serves, or to wait for
// one that starts. How many instances there may be is decided here and nowhere
// else: one that can take requests, besides those on their way out.
func (s *service) route() (inst *instance, serving bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false, &unavailable{cause: errStopped}
	}
	if inst = s.leastBusy(); inst != nil {
		inst.inFlight++
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

// release ends a request that acquire counted. answered says whether the instance
// had begun an answer.
func (s *service) release(inst *instance, answered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	inst.inFlight--
	if answered {
		inst.answered, inst.respondedAt = true, time.Now()
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

// retire takes an instance out of routing. Its own goroutine does the rest.
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

// retireIdle retires an instance that had no request for the idle time, or
// returns how long it has left.
func (s *service) retireIdle(inst *instance) (left time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	idle := s.platform.options.IdleTimeout
	if inst.inFlight > 0 {
		return idle
	}
	if left = idle - time.Since(inst.idleSince); left > 0 {
		return left
	}
	inst.expected = true
	s.retireLocked(inst)
	return 0
}

// listens puts a started instance into routing, unless it was retired meanwhile.
func (s *service) listens(inst *instance) bool {
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

// gone forgets an instance whose process has ended, and tells whether it was
// meant to. One that ended of itself and was of no use to anybody holds up the
// next, so that a crash loop doesn't eat the machine.
func (s *service) gone(inst *instance, cause error) (backoff time.Duration, expected bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retireLocked(inst)
	s.instances = slices.DeleteFunc(s.instances, func(i *instance) bool { return i == inst })
	if inst.expected || inst.answered {
		return 0, inst.expected
	}
	s.useless++
	backoff = backoffAfter(s.useless)
	s.notBefore, s.cause = time.Now().Add(backoff), cause
	return backoff, false
}

// backoffAfter returns the pause after so many useless instances in a row. The
// first is free: it may have been killed before its first answer.
func backoffAfter(useless int) time.Duration {
	if useless < 2 {
		return 0
	}
	return min(firstBackoff<<min(useless-2, 10), maxBackoff)
}
