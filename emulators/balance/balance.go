// Package balance sends requests to the replicas of a service, as a cloud's load
// balancer does to its instances. Where containers run, a service is a host name,
// and its replicas are the addresses that the name has at the moment.
package balance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"souk/emulators/transport"
)

const (
	// freshFor is how long the addresses of a name are taken to be still right: a
	// new replica gets requests, and a dead one none, after this long at most.
	freshFor = time.Second
	// lookupTimeout is how long to ask for a name's addresses.
	lookupTimeout = time.Second
	// dialTimeout is how long a replica may take to accept a connection. Where a
	// container has just died nobody answers, not even to refuse.
	dialTimeout = time.Second
	// retryAfter is how long to leave it at what was found when a replica failed, or
	// none was there: however many requests wait, the resolver is asked no more often.
	retryAfter = 100 * time.Millisecond
	// shunFor is how long a replica that failed gets only what no other can take.
	shunFor = 2 * time.Second
	// maxTries bounds how many replicas a request may meet.
	maxTries = 3
)

// Options say how replicas are found. The zero value asks the system's resolver.
type Options struct {
	// Lookup returns the addresses of a name.
	Lookup func(ctx context.Context, host string) ([]string, error)
	// Wait is how long a request that could be sent to nobody waits for a replica to
	// come, as Cloud Run has it wait for an instance to start.
	Wait time.Duration
}

// Transport is an http.RoundTripper. It sends requests to a name's replicas in
// turn, and one that a replica could not take to another. A request that may have
// reached a replica is sent again only if it reads and has no body.
type Transport struct {
	lookup func(ctx context.Context, host string) ([]string, error)
	wait   time.Duration
	base   *http.Transport

	mu    sync.Mutex
	names map[string]*replicas
}

// New returns a transport. Close its idle connections when it is used no more.
func New(options Options) *Transport {
	lookup := options.Lookup
	if lookup == nil {
		lookup = net.DefaultResolver.LookupHost
	}
	return &Transport{
		lookup: lookup, wait: options.Wait, names: map[string]*replicas{},
		base: transport.New(dialTimeout),
	}
}

// CloseIdleConnections closes the connections that no request uses.
func (t *Transport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// RoundTrip sends a request to one of the replicas of its URL's host. An error of
// which the net.OpError says "dial" means that nothing was sent.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return t.base.RoundTrip(r) // There is only this one.
	}
	answer, err := t.await(r, t.replicas(host))
	// The tries leave it open, each for the next.
	if r.Body != nil {
		if closed := r.Body.Close(); closed != nil && err == nil {
			return nil, errors.Join(fmt.Errorf("close the body of the request: %w", closed), answer.Body.Close())
		}
	}
	return answer, err
}

// await tries replicas until one takes the request, or it has waited long enough.
func (t *Transport) await(r *http.Request, service *replicas) (*http.Response, error) {
	enough := time.NewTimer(t.wait)
	defer enough.Stop()
	for {
		answer, err := t.tryReplicas(r, service)
		if err == nil || !isDial(err) {
			return answer, err
		}
		again := time.NewTimer(retryAfter)
		select {
		case <-again.C:
		case <-enough.C:
			again.Stop()
			return nil, err
		case <-r.Context().Done():
			again.Stop()
			return nil, err
		}
	}
}

func (t *Transport) tryReplicas(r *http.Request, service *replicas) (*http.Response, error) {
	tried := map[string]bool{}
	var failed error
	for len(tried) < maxTries {
		address, err := service.pick(r.Context(), tried)
		if err != nil {
			return nil, cmp.Or(failed, err)
		}
		tried[address] = true
		answer, err := t.send(r, address)
		if err == nil {
			return answer, nil
		}
		if r.Context().Err() != nil {
			return nil, err
		}
		service.shun(address)
		if failed = err; !isDial(err) && !repeatable(r) {
			break
		}
	}
	return nil, failed
}

// send tries one replica. It leaves the request's body open.
func (t *Transport) send(r *http.Request, address string) (*http.Response, error) {
	to := *r.URL
	to.Host = net.JoinHostPort(address, cmp.Or(to.Port(), "80"))
	out := r.WithContext(r.Context())
	out.URL = &to
	if r.Body != nil && r.Body != http.NoBody {
		out.Body = io.NopCloser(r.Body)
	}
	return t.base.RoundTrip(out)
}

// isDial says that no connection came about.
func isDial(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// repeatable says whether a request may be sent twice: it only reads (RFC 9110,
// section 9.2.1), and has no body that is half gone.
func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return r.Body == nil || r.Body == http.NoBody
	}
	return false
}

func (t *Transport) replicas(host string) *replicas {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.names[host]
	if known == nil {
		known = &replicas{host: host, lookup: t.lookup, shunned: map[string]time.Time{}}
		t.names[host] = known
	}
	return known
}
