// Package balance distributes requests over the replicas of a service, like a cloud's load
// balancer. In a container network, a service is a host name, and its replicas are the
// current addresses of the name.
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

	"souk/emulators/pool"
	"souk/emulators/transport"
)

const (
	// addressTTL is how long the addresses of a name are cached: the longest time until a
	// new replica receives requests and a removed one none.
	addressTTL = time.Second
	// lookupTimeout is the timeout of a lookup.
	lookupTimeout = time.Second
	// dialTimeout is how long a replica may take to accept a connection. The address of a
	// container that has just ended does not even refuse connections.
	dialTimeout = time.Second
	// retryInterval is the shortest time between two lookups after a failure. It bounds
	// the load of the resolver, regardless of the number of waiting requests.
	retryInterval = 100 * time.Millisecond
	// avoidFor is how long a failed replica receives requests only if no other can.
	avoidFor = 2 * time.Second
	// maxAttempts is the number of replicas that a request may be sent to.
	maxAttempts = 3
)

// Options configures a Transport. The zero value uses the system's resolver.
type Options struct {
	// Lookup returns the addresses of a name.
	Lookup func(ctx context.Context, host string) ([]string, error)
	// Wait is how long a request waits for a replica if none accepts it, like a request
	// to Cloud Run that waits for an instance to start.
	Wait time.Duration
	// Concurrency is the maximum number of requests of a replica at the same time, by name.
	// Further requests wait for pool.MaxWait. A name that is missing has no limit.
	Concurrency map[string]int
	// Queue is the number of requests of a name that may wait for busy replicas:
	// pool.MaxQueue.
	Queue int
}

// Transport is an http.RoundTripper that sends requests to the replica of a name with the
// fewest, of several in turn. If all are busy, a request waits in a bounded queue. If a
// replica does not accept a request, the next one receives it. A request that may have
// reached a replica is sent again only if its method is safe and it has no body.
type Transport struct {
	options Options
	base    *http.Transport

	mu    sync.Mutex
	names map[string]*replicas
}

// New returns a new transport. Callers should close its idle connections after use.
func New(options Options) *Transport {
	if options.Lookup == nil {
		options.Lookup = net.DefaultResolver.LookupHost
	}
	options.Queue = cmp.Or(options.Queue, pool.MaxQueue)
	return &Transport{options: options, names: map[string]*replicas{}, base: transport.New(dialTimeout)}
}

// CloseIdleConnections closes all connections that are not in use.
func (t *Transport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// RoundTrip sends a request to a replica of its URL's host. A net.OpError with Op "dial"
// means that the request was not sent, and so does an error that IsBusy reports.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return t.base.RoundTrip(r) // an address is a single replica
	}
	response, err := t.sendOrWait(r, t.replicas(host))
	// Each attempt leaves the body open for the next.
	if r.Body != nil {
		if closeErr := r.Body.Close(); closeErr != nil && err == nil {
			return nil, errors.Join(fmt.Errorf("close the body of the request: %w", closeErr), response.Body.Close())
		}
	}
	return response, err
}

// sendOrWait tries replicas until one accepts the request, at most for Options.Wait.
func (t *Transport) sendOrWait(r *http.Request, service *replicas) (*http.Response, error) {
	timeout := time.NewTimer(t.options.Wait)
	defer timeout.Stop()
	for {
		response, err := t.tryReplicas(r, service)
		if err == nil || !transport.IsDial(err) {
			return response, err
		}
		retry := time.NewTimer(retryInterval)
		select {
		case <-retry.C:
		case <-timeout.C:
			retry.Stop()
			return nil, err
		case <-r.Context().Done():
			retry.Stop()
			return nil, err
		}
	}
}

// tryReplicas sends a request to up to maxAttempts replicas.
func (t *Transport) tryReplicas(r *http.Request, service *replicas) (*http.Response, error) {
	tried := map[string]bool{}
	var lastErr error
	for len(tried) < maxAttempts {
		replica, err := service.acquire(r.Context(), tried)
		if err != nil && !transport.IsDial(err) {
			return nil, err
		}
		if err != nil {
			return nil, cmp.Or(lastErr, err)
		}
		address := replica.Value
		tried[address] = true
		response, err := t.send(r, address)
		if err == nil {
			response.Body = &countedBody{ReadCloser: response.Body, done: replica.Release}
			return response, nil
		}
		replica.Release()
		if r.Context().Err() != nil {
			return nil, err
		}
		service.avoid(address)
		if lastErr = err; !transport.IsDial(err) && !repeatable(r) {
			break
		}
	}
	return nil, lastErr
}

// send sends a request to one replica. It leaves the request's body open.
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

// countedBody calls done when a response has been forwarded.
type countedBody struct {
	io.ReadCloser
	once sync.Once
	done func()
}

// Close ends the request.
func (b *countedBody) Close() error {
	defer b.once.Do(b.done)
	return b.ReadCloser.Close()
}

// IsBusy reports whether all replicas were busy for as long as a request may wait, or the
// queue was full.
func IsBusy(err error) bool { return errors.Is(err, pool.ErrFull) || errors.Is(err, pool.ErrTimeout) }

// repeatable reports whether a request may be sent twice: its method is safe (RFC 9110,
// section 9.2.1), and it has no body that may have been read in part.
func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return r.Body == nil || r.Body == http.NoBody
	}
	return false
}

// replicas returns the replicas of a host, which share their state between requests.
func (t *Transport) replicas(host string) *replicas {
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.names[host]
	if known == nil {
		known = newReplicas(host, t.options)
		t.names[host] = known
	}
	return known
}
