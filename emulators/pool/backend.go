package pool

import (
	"slices"
	"time"
)

// take selects a backend for a request, and counts the request.
func (p *Pool[T]) take(usable func(T) bool) *Backend[T] {
	b := p.pick(usable)
	if b != nil {
		b.inFlight++
		b.requests++
		p.usage.change(1)
	}
	return b
}

// pick selects a usable backend with room: a preferred one if possible.
func (p *Pool[T]) pick(usable func(T) bool) *Backend[T] {
	preferred := min(max(p.preferred, 1), len(p.backends))
	if b := p.pickOf(p.backends[:preferred], usable); b != nil {
		return b
	}
	return p.pickOf(p.backends[preferred:], usable)
}

func (p *Pool[T]) pickOf(backends []*Backend[T], usable func(T) bool) *Backend[T] {
	var best *Backend[T]
	first, at := 0, p.next
	if p.options.Policy != LeastRequests {
		first = p.next + 1
	}
	for offset := range backends {
		i := (first + offset) % len(backends)
		b := backends[i]
		if b.inFlight >= p.options.Concurrency || usable != nil && !usable(b.Value) {
			continue
		}
		if best == nil || b.inFlight < best.inFlight {
			best, at = b, i
		}
		if p.options.Policy == RoundRobin {
			break
		}
	}
	p.next = at
	return best
}

// Release ends a request. Its place is for the request that waits longest.
func (b *Backend[T]) Release() {
	p := b.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	b.inFlight--
	p.usage.change(-1)
	if b.inFlight == 0 {
		b.idleAt = p.usage.changed
		if !b.member {
			close(b.drained)
		}
	}
	p.serveQueue()
}

// Remove removes the backend: it gets no more requests. A second call does nothing.
func (b *Backend[T]) Remove() {
	p := b.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	b.removeLocked()
}

func (b *Backend[T]) removeLocked() {
	if !b.member {
		return
	}
	b.member = false
	b.pool.backends = slices.DeleteFunc(b.pool.backends, func(other *Backend[T]) bool { return other == b })
	if b.inFlight == 0 {
		close(b.drained)
	}
}

// RemoveIdle removes the backend if it has had no request for a time, and reports whether
// it did.
func (b *Backend[T]) RemoveIdle(idle time.Duration) bool {
	p := b.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if !b.member || b.inFlight > 0 || time.Since(b.idleAt) < idle {
		return false
	}
	b.removeLocked()
	return true
}

// Drained is closed when the backend has been removed and has no requests.
func (b *Backend[T]) Drained() <-chan struct{} { return b.drained }

// Load is the current load of a backend.
type Load struct {
	// InFlight is the number of its requests, Requests the number it got so far.
	InFlight int
	Requests int64
	// Idle is how long it has had no request, 0 if it has one.
	Idle time.Duration
}

// Load returns the current load.
func (b *Backend[T]) Load() Load {
	b.pool.mu.Lock()
	defer b.pool.mu.Unlock()
	load := Load{InFlight: b.inFlight, Requests: b.requests}
	if b.inFlight == 0 {
		load.Idle = time.Since(b.idleAt)
	}
	return load
}

// usage integrates a number of requests over time.
type usage struct {
	requests int
	sum      float64 // request-seconds since begun
	changed  time.Time
	begun    time.Time
}

func (u *usage) begin(now time.Time) { u.sum, u.begun, u.changed = 0, now, now }

func (u *usage) change(difference int) {
	u.add(time.Now())
	u.requests += difference
}

func (u *usage) add(now time.Time) {
	u.sum += float64(u.requests) * now.Sub(u.changed).Seconds()
	u.changed = now
}

// mean returns the mean since begin, and begins again.
func (u *usage) mean(now time.Time) float64 {
	u.add(now)
	elapsed := now.Sub(u.begun).Seconds()
	sum := u.sum
	u.begin(now)
	if elapsed <= 0 {
		return float64(u.requests)
	}
	return sum / elapsed
}
