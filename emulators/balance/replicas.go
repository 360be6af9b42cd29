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
	looked    time.Time
	doubted   bool // one of them failed since
	next      int
	// shunned says until when a replica that failed is asked last.
	shunned map[string]time.Time
}

// pick returns the replica whose turn it is, leaving out those that were tried,
// and, as long as there are others, those that failed lately.
func (s *replicas) pick(ctx context.Context, tried map[string]bool) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if age := now.Sub(s.looked); age >= freshFor || s.doubted && age >= retryAfter {
		if err := s.refresh(ctx, now); err != nil {
			return "", err
		}
	}
	second := ""
	for range s.addresses {
		s.next = (s.next + 1) % len(s.addresses)
		address := s.addresses[s.next]
		switch {
		case tried[address]:
		case now.Before(s.shunned[address]):
			second = address
		default:
			return address, nil
		}
	}
	if second != "" {
		return second, nil
	}
	return "", s.nobody(fmt.Errorf("of %d replicas each was tried", len(s.addresses)))
}

// refresh asks for the name's addresses. When nobody can tell, the old ones are the
// best guess; when the name is gone, so are they.
func (s *replicas) refresh(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, err := s.lookup(ctx, s.host)
	s.looked, s.doubted = now, err != nil
	if gone, ok := errors.AsType[*net.DNSError](err); ok && gone.IsNotFound {
		s.addresses = nil
	}
	if err != nil {
		if len(s.addresses) == 0 {
			return s.nobody(err)
		}
		return nil
	}
	slices.Sort(found)
	s.addresses = slices.Compact(found)
	for address := range s.shunned {
		if !slices.Contains(s.addresses, address) {
			delete(s.shunned, address)
		}
	}
	return nil
}

// shun has a replica that failed asked last for a while, and the next request ask
// anew which there are.
func (s *replicas) shun(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shunned[address] = time.Now().Add(shunFor)
	s.doubted = true
}

// nobody is the error of a request that was sent to no one.
func (s *replicas) nobody(why error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("find a replica of %s: %w", s.host, why)}
}
