// Package pool distributes requests over backends, each of which takes a limited number at
// the same time. Requests without a backend wait in a bounded queue, in the order of their
// arrival, for a bounded time.
package pool

import (
	"container/list"
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"
)

var (
	// ErrFull is the error of a request that found the queue full.
	ErrFull = errors.New("all backends are busy, and the queue is full")
	// ErrTimeout is the error of a request that waited too long.
	ErrTimeout = errors.New("all backends were busy for as long as a request may wait")
)

// Limits of the requests that wait, as on Cloud Run
// (https://cloud.google.com/run/docs/about-instance-autoscaling): MaxWait is how long a request
// waits for an instance, and MaxQueue bounds the number of those that wait for a function.
const (
	MaxWait  = 10 * time.Second
	MaxQueue = 1000
)

// Policy selects one of several backends with room.
type Policy int

const (
	// LeastRequests selects the backend with the fewest requests, of several the oldest.
	LeastRequests Policy = iota
	// RoundRobin selects backends in turn.
	RoundRobin
	// LeastRequestsInTurn selects the backend with the fewest requests, of several in turn,
	// so that all are used.
	LeastRequestsInTurn
)

// Options configures a pool.
type Options struct {
	// Concurrency is the maximum number of requests of a backend at the same time; 0 for
	// no limit.
	Concurrency int
	// Queue is the maximum number of waiting requests.
	Queue int
	// Wait returns how long a request that begins to wait may wait.
	Wait func() time.Duration
	// Waiting is called after a request has begun to wait, so that a backend can be added.
	// It is called without locks. Nil does nothing.
	Waiting func()
	Policy  Policy
}

// Pool is a set of backends with a value each, such as an address.
type Pool[T any] struct {
	options Options

	mu       sync.Mutex
	backends []*Backend[T] // in the order of Add
	queue    list.List     // of *waiter[T]
	// preferred is the number of backends, from the oldest on, that get requests if they
	// have room.
	preferred int
	next      int // index of the last selection in turn
	usage     usage
}

// Backend is a member of a pool.
type Backend[T any] struct {
	// Value is the caller's.
	Value T

	pool     *Pool[T]
	member   bool
	inFlight int
	requests int64
	idleAt   time.Time
	drained  chan struct{}
}

// waiter is a waiting request. It leaves the queue when it gets a backend or an error.
type waiter[T any] struct {
	got    chan result[T]
	usable func(T) bool
}

type result[T any] struct {
	backend *Backend[T]
	err     error
}

// New returns a new pool without backends.
func New[T any](options Options) *Pool[T] {
	if options.Concurrency == 0 {
		options.Concurrency = math.MaxInt
	}
	if options.Waiting == nil {
		options.Waiting = func() {}
	}
	p := &Pool[T]{options: options, preferred: math.MaxInt}
	p.usage.begin(time.Now())
	return p
}

// Add adds a backend, which gets waiting requests at once.
func (p *Pool[T]) Add(value T) *Backend[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := &Backend[T]{Value: value, pool: p, member: true, idleAt: time.Now(), drained: make(chan struct{})}
	p.backends = append(p.backends, b)
	p.serveQueue()
	return b
}

// Acquire returns a backend with room for a request, for which the caller must call Release.
// If no backend has room, the request waits.
func (p *Pool[T]) Acquire(ctx context.Context) (*Backend[T], error) {
	return p.AcquireUsable(ctx, nil)
}

// AcquireUsable is Acquire for a request that only usable backends may serve. Nil makes all
// usable. The function is called with locks and must not change what it returns.
func (p *Pool[T]) AcquireUsable(ctx context.Context, usable func(T) bool) (*Backend[T], error) {
	if b := p.Try(usable); b != nil {
		return b, nil
	}
	waiting, element, err := p.enqueue(usable)
	if err != nil {
		return nil, err
	}
	p.options.Waiting()
	timeout := time.NewTimer(p.options.Wait())
	defer timeout.Stop()
	select {
	case r := <-waiting.got:
		return r.backend, r.err
	case <-timeout.C:
		err = ErrTimeout
	case <-ctx.Done():
		err = ctx.Err()
	}
	if p.leave(element) {
		return nil, err
	}
	r := <-waiting.got // it got one at the same moment
	if r.err == nil && ctx.Err() != nil {
		r.backend.Release()
		return nil, ctx.Err()
	}
	return r.backend, r.err
}

// Try returns a usable backend with room for a request, or nil. Nil makes all usable.
func (p *Pool[T]) Try(usable func(T) bool) *Backend[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queue.Len() > 0 && usable == nil {
		return nil // others came first
	}
	return p.take(usable)
}

// enqueue makes a request wait, unless a backend has room by now.
func (p *Pool[T]) enqueue(usable func(T) bool) (*waiter[T], *list.Element, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := &waiter[T]{got: make(chan result[T], 1), usable: usable}
	if p.queue.Len() >= p.options.Queue && p.pick(usable) == nil {
		return nil, nil, ErrFull
	}
	p.usage.change(1)
	element := p.queue.PushBack(w)
	p.serveQueue()
	return w, element, nil
}

// leave removes a request from the queue, and reports whether it was there.
func (p *Pool[T]) leave(element *list.Element) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	w, _ := element.Value.(*waiter[T])
	if w == nil {
		return false
	}
	p.dequeue(element)
	return true
}

func (p *Pool[T]) dequeue(element *list.Element) *waiter[T] {
	w, _ := p.queue.Remove(element).(*waiter[T])
	element.Value = nil
	p.usage.change(-1)
	return w
}

// serveQueue gives waiting requests the backends with room. A request that may use none of
// them does not delay those that came later.
func (p *Pool[T]) serveQueue() {
	for element := p.queue.Front(); element != nil && p.hasRoom(); {
		next := element.Next()
		w, _ := element.Value.(*waiter[T])
		if b := p.take(w.usable); b != nil {
			p.dequeue(element).got <- result[T]{backend: b}
		}
		element = next
	}
}

// hasRoom reports whether any backend has room for a request.
func (p *Pool[T]) hasRoom() bool {
	return slices.ContainsFunc(p.backends, func(b *Backend[T]) bool { return b.inFlight < p.options.Concurrency })
}

// Fail ends all waiting requests with an error.
func (p *Pool[T]) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.queue.Len() > 0 {
		p.dequeue(p.queue.Front()).got <- result[T]{err: err}
	}
}

// Waiting returns the number of waiting requests.
func (p *Pool[T]) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.Len()
}

// Prefer makes the n oldest backends get all requests that they have room for, so that the
// others become idle. All are preferred by default.
func (p *Pool[T]) Prefer(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.preferred = n
}

// Mean returns the mean number of requests since its last call, including those that wait.
func (p *Pool[T]) Mean() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.usage.mean(time.Now())
}
