package balance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"souk/emulators/pool"
)

// replicas are the addresses of one name.
type replicas struct {
	host   string
	lookup func(ctx context.Context, host string) ([]string, error)

	pool *pool.Pool[string]

	mu        sync.Mutex
	backends  map[string]*pool.Backend[string] // by address
	updatedAt time.Time
	stale     bool // a replica has failed since
	// avoided maps a failed replica to the time until which others are preferred.
	avoided map[string]time.Time
}

func newReplicas(host string, options Options) *replicas {
	return &replicas{
		host: host, lookup: options.Lookup, backends: map[string]*pool.Backend[string]{}, avoided: map[string]time.Time{},
		pool: pool.New[string](pool.Options{
			Policy: pool.LeastRequestsInTurn, Concurrency: options.Concurrency[host], Queue: options.Queue,
			Wait: func() time.Duration { return pool.MaxWait },
		}),
	}
}

// acquire returns the replica with the fewest requests, of several in turn. It skips replicas
// that were tried, and prefers those that have not failed recently. If those that were not
// tried are busy, it waits for one of them. The caller must release it.
func (s *replicas) acquire(ctx context.Context, tried map[string]bool) (*pool.Backend[string], error) {
	untried := func(address string) bool { return !tried[address] }
	backend, err := s.pick(ctx, untried)
	if backend != nil || err != nil {
		return backend, err
	}
	backend, err = s.pool.AcquireUsable(ctx, untried)
	if err != nil {
		return nil, fmt.Errorf("wait for a replica of %s: %w", s.host, err)
	}
	return backend, nil
}

// pick returns a replica with room, or nil if all are busy that were not tried.
func (s *replicas) pick(ctx context.Context, untried func(address string) bool) (*pool.Backend[string], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if age := now.Sub(s.updatedAt); age >= addressTTL || s.stale && age >= retryInterval {
		if err := s.refresh(ctx); err != nil {
			return nil, err
		}
	}
	healthy := func(address string) bool { return untried(address) && !now.Before(s.avoided[address]) }
	for _, usable := range []func(string) bool{healthy, untried} {
		if backend := s.pool.Try(usable); backend != nil {
			return backend, nil
		}
	}
	for address := range s.backends {
		if untried(address) {
			return nil, nil
		}
	}
	return nil, s.noReplica(fmt.Errorf("all %d replicas were tried", len(s.backends)))
}

// refresh looks up the name's addresses. If the lookup fails, the previous addresses stay,
// unless the name does not exist.
func (s *replicas) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, err := s.lookup(ctx, s.host)
	// Requests that waited for a slow lookup use its result, and do not repeat it.
	s.updatedAt, s.stale = time.Now(), err != nil
	if dnsErr, ok := errors.AsType[*net.DNSError](err); ok && dnsErr.IsNotFound {
		s.setAddresses(nil)
	}
	if err != nil {
		if len(s.backends) == 0 {
			return s.noReplica(err)
		}
		return nil
	}
	s.setAddresses(found)
	return nil
}

// setAddresses adds new replicas and removes those that are gone. Requests that wait fail if
// none remains.
func (s *replicas) setAddresses(found []string) {
	for address, backend := range s.backends {
		if !slices.Contains(found, address) {
			backend.Remove()
			delete(s.backends, address)
			delete(s.avoided, address)
		}
	}
	slices.Sort(found)
	for _, address := range found {
		if s.backends[address] == nil {
			s.backends[address] = s.pool.Add(address)
		}
	}
	if len(s.backends) == 0 {
		s.pool.Fail(s.noReplica(errors.New("all replicas were removed")))
	}
}

// avoid marks a replica as failed for avoidFor, and makes the next request look up the
// addresses again.
func (s *replicas) avoid(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.avoided[address] = time.Now().Add(avoidFor)
	s.stale = true
}

// noReplica returns the error of a request that was not sent to any replica.
func (s *replicas) noReplica(cause error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("find a replica of %s: %w", s.host, cause)}
}
