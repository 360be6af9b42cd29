package database

import (
	"context"
	"sync"
)

// SharedReader executes equal reads of one instance once, if they are concurrent. Different
// reads do not wait for each other. As with a BatchReader, a read never joins a statement that
// has been sent. Between requests it is empty: it is not a cache.
type SharedReader[K comparable, V any] struct {
	mu      sync.Mutex
	readers map[K]*sharedRead[K, V]
}

// sharedRead is the reads of one key.
type sharedRead[K comparable, V any] struct {
	*BatchReader[K, V]
	requests int // that use it
}

// Get returns what read returns, which is called by one of the requests with the same key. The
// value is shared, and must not be changed.
func (r *SharedReader[K, V]) Get(ctx context.Context, key K, read func(ctx context.Context) (V, error)) (V, error) {
	reader := r.open(key, read)
	defer r.close(key, reader)
	return reader.Get(ctx, key)
}

func (r *SharedReader[K, V]) open(key K, read func(ctx context.Context) (V, error)) *sharedRead[K, V] {
	r.mu.Lock()
	defer r.mu.Unlock()
	reader := r.readers[key]
	if reader == nil {
		reader = &sharedRead[K, V]{BatchReader: NewBatchReader(func(ctx context.Context, _ []K) (map[K]V, error) {
			value, err := read(ctx)
			return map[K]V{key: value}, err
		})}
		if r.readers == nil {
			r.readers = map[K]*sharedRead[K, V]{}
		}
		r.readers[key] = reader
	}
	reader.requests++
	return reader
}

func (r *SharedReader[K, V]) close(key K, reader *sharedRead[K, V]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if reader.requests--; reader.requests == 0 {
		delete(r.readers, key)
	}
}
