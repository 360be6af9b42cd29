package database

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

const (
	// maxReadBatches is how many batches of a BatchReader run at a time. More of them leave
	// less to share; with only one, a slow statement would delay all reads of an instance.
	maxReadBatches = 2
	// maxBatchKeys bounds the length of a statement.
	maxBatchKeys = 64
)

// BatchReader combines concurrent reads by key of one instance into one statement. Batches
// form by arrival: a read is executed at once while fewer than maxReadBatches are running.
// Else it waits for one of them to end, together with all reads that arrive in the meantime.
// There is no timer. A read never joins a statement that has been sent, so it returns every
// change that was committed before the read began.
type BatchReader[K comparable, V any] struct {
	read func(ctx context.Context, keys []K) (map[K]V, error)

	mu      sync.Mutex
	running int
	queue   []*readBatch[K, V] // each but the last is full
}

// readBatch is a batch that waits or runs.
type readBatch[K comparable, V any] struct {
	ctx    context.Context // of the first read
	keys   []K
	done   chan struct{} // closed when values and err are set
	values map[K]V
	err    error
}

// NewBatchReader returns a new BatchReader. read returns the values of the keys that it
// finds; keys are different from each other. Values are shared, and must not be changed.
func NewBatchReader[K comparable, V any](read func(ctx context.Context, keys []K) (map[K]V, error)) *BatchReader[K, V] {
	return &BatchReader[K, V]{read: read}
}

// Get returns the value of a key, or ErrNotFound.
func (r *BatchReader[K, V]) Get(ctx context.Context, key K) (value V, err error) {
	b := r.join(ctx, key)
	if b == nil {
		defer r.next()
		values, err := r.read(ctx, []K{key})
		return pick(values, key, err)
	}
	select {
	case <-b.done:
		return pick(b.values, key, b.err)
	case <-ctx.Done():
		return value, fmt.Errorf("wait for a batch of reads: %w", ctx.Err())
	}
}

func pick[K comparable, V any](values map[K]V, key K, err error) (value V, _ error) {
	if err != nil {
		return value, err
	}
	value, found := values[key]
	if !found {
		return value, ErrNotFound
	}
	return value, nil
}

// join adds a key to the batch that waits. It returns nil if the caller reads at once, and
// then calls next.
func (r *BatchReader[K, V]) join(ctx context.Context, key K) *readBatch[K, V] {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running < maxReadBatches {
		r.running++
		return nil
	}
	for _, b := range r.queue {
		if slices.Contains(b.keys, key) {
			return b
		}
	}
	if n := len(r.queue); n == 0 || len(r.queue[n-1].keys) == maxBatchKeys {
		// The end of one request must not cancel the reads of others.
		r.queue = append(r.queue, &readBatch[K, V]{ctx: context.WithoutCancel(ctx), done: make(chan struct{})})
	}
	b := r.queue[len(r.queue)-1]
	b.keys = append(b.keys, key)
	return b
}

// next ends a running batch and starts the one that has waited longest. Requests wait for its
// goroutine, so there is none between requests.
func (r *BatchReader[K, V]) next() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		r.running--
		return
	}
	b := r.queue[0]
	r.queue = slices.Delete(r.queue, 0, 1)
	go func() {
		defer r.next()
		defer close(b.done)
		b.values, b.err = r.read(b.ctx, b.keys)
	}()
}
