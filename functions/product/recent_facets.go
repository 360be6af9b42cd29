package product

import (
	"context"
	"sync"
	"time"

	"souk/shared/clock"
)

const (
	// facetsMaxAge is for how long an instance responds with the same counts of a search without words.
	// They change slowly, and each reads up to 1,000 entries of a hundred ranges of an index.
	facetsMaxAge = 10 * time.Second
	// maxRecentFacets is the number of searches whose counts an instance stores at most.
	maxRecentFacets = 200
)

// recentFacets stores the counts of the last searches. The zero value is ready for use.
type recentFacets struct {
	mu      sync.Mutex
	entries map[string]recentEntry // by the hash of the search
}

type recentEntry struct {
	facets Facets
	readAt time.Time
}

func (e recentEntry) isFresh(now time.Time) bool { return now.Sub(e.readAt) < facetsMaxAge }

// get returns the counts of a search that are younger than facetsMaxAge by a clock. If there are none, it
// returns what read returns. The slices of the result are shared and must not be changed.
func (r *recentFacets) get(ctx context.Context, now clock.Clock, hash string, read func(ctx context.Context) (Facets, error)) (Facets, error) {
	begin := now() // a change that is committed later may be missing
	if e := r.find(hash); e.isFresh(begin) {
		return e.facets, nil
	}
	facets, err := read(ctx)
	if err == nil {
		r.store(hash, recentEntry{facets, begin})
	}
	return facets, err
}

func (r *recentFacets) find(hash string) recentEntry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entries[hash]
}

func (r *recentFacets) store(hash string, e recentEntry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.entries == nil {
		r.entries = map[string]recentEntry{}
	}
	if _, replaces := r.entries[hash]; !replaces && len(r.entries) >= maxRecentFacets {
		r.evict(e.readAt)
	}
	r.entries[hash] = e
}

// evict deletes the counts that are too old, and the oldest if none is.
func (r *recentFacets) evict(now time.Time) {
	oldest, before := "", len(r.entries)
	for key, e := range r.entries {
		if !e.isFresh(now) {
			delete(r.entries, key)
		} else if oldest == "" || e.readAt.Before(r.entries[oldest].readAt) {
			oldest = key
		}
	}
	if len(r.entries) == before {
		delete(r.entries, oldest)
	}
}
