package balance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// replicas are the addresses of one name.
type replicas struct {
	host   string
	lookup func(ctx context.Context, host string) ([]string, error)

	mu        sync.Mutex
	addresses []string
	updatedAt time.Time
	stale     bool // a replica has failed since
	next      int
	// avoided maps a failed replica to the time until which others are preferred.
	avoided map[string]time.Time
}

// pick returns the next replica. It skips replicas that were tried, and prefers those that
// have not failed recently.
func (s *replicas) pick(ctx context.Context, tried map[string]bool) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if age := now.Sub(s.updatedAt); age >= addressTTL || s.stale && age >= retryInterval {
		if err := s.refresh(ctx, now); err != nil {
			return "", err
		}
	}
	fallback := ""
	for range s.addresses {
		s.next = (s.next + 1) % len(s.addresses)
		address := s.addresses[s.next]
		switch {
		case tried[address]:
		case now.Before(s.avoided[address]):
			fallback = address
		default:
			return address, nil
		}
	}
	if fallback != "" {
		return fallback, nil
	}
	return "", s.noReplica(fmt.Errorf("all %d replicas were tried", len(s.addresses)))
}

// refresh looks up the name's addresses. If the lookup fails, the previous addresses stay,
// unless the name does not exist.
func (s *replicas) refresh(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, err := s.lookup(ctx, s.host)
	s.updatedAt, s.stale = now, err != nil
	if dnsErr, ok := errors.AsType[*net.DNSError](err); ok && dnsErr.IsNotFound {
		s.addresses = nil
	}
	if err != nil {
		if len(s.addresses) == 0 {
			return s.noReplica(err)
		}
		return nil
	}
	slices.Sort(found)
	s.addresses = slices.Compact(found)
	for address := range s.avoided {
		if !slices.Contains(s.addresses, address) {
			delete(s.avoided, address)
		}
	}
	return nil
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
