package cloudrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"souk/emulators/pool"
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

// errBusy is the error of a request that found all instances busy that may exist.
var errBusy = errors.New("no instance")

// acquire returns a serving instance with room, and counts the request until release. If
// necessary it starts an instance and waits until it listens.
func (s *service) acquire(ctx context.Context) (*pool.Backend[*instance], error) {
	backend, err := s.pool.Acquire(ctx)
	if errors.Is(err, pool.ErrFull) || errors.Is(err, pool.ErrTimeout) {
		if s.atMaximum() {
			return nil, fmt.Errorf("%w: %w", errBusy, err)
		}
		return nil, &unavailable{cause: err}
	}
	if err != nil {
		return nil, err
	}
	backend.Value.allowance.use()
	return backend, nil
}

// release ends a request that acquire has counted and to which the instance has responded.
func (s *service) release(backend *pool.Backend[*instance]) {
	if backend.Value.markResponse() {
		s.mu.Lock()
		s.useless = 0
		s.mu.Unlock()
	}
	s.abandon(backend)
}

// abandon ends a request that acquire has counted, with or without a response.
func (s *service) abandon(backend *pool.Backend[*instance]) {
	backend.Value.allowance.done()
	backend.Release()
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
	if inst.backend != nil {
		inst.backend.Remove()
	}
	close(inst.retired)
}

// markServing adds an instance to routing that took a time to start, unless it has been
// retired.
func (s *service) markServing(inst *instance, took time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if inst.state != starting {
		return false
	}
	s.starts.add(took)
	inst.state = serving
	inst.respondedAt.Store(int64(time.Since(inst.startedAt)))
	inst.backend = s.pool.Add(inst)
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
	if inst.expected || inst.responded.Load() {
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
