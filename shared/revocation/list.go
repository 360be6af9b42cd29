package revocation

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/database"
)

const (
	// freshFor is the age of the copy beyond which a request refreshes it.
	freshFor = 2 * time.Second
	// MaxAge is the maximum age of the copy for requests that arrive while another request
	// refreshes it; they wait for the refresh of an older copy. MaxAge and the delivery time
	// of the event bound how long a revoked token is accepted: 5 s.
	MaxAge = 3 * time.Second
	// overlap is how far back a refresh reads before the previous one: rows are committed
	// after their timestamp, which is from another machine's clock.
	overlap = time.Minute
	// maxAcquire bounds the wait of a refresh for a connection.
	maxAcquire = 2 * time.Second
	// maxEntries bounds the copy, to about 10 MB. With more rows, each request reads its own
	// rows by key.
	maxEntries = 100_000
	// crowdedFor is how long there is no copy after too many rows were found.
	crowdedFor = time.Minute
)

// List is an instance's copy of a service's revocations. Requests with a token refresh it:
// there is no background work. It is safe for concurrent use.
type List struct {
	db    *database.DB
	now   clock.Clock
	limit int
	// reads coalesces the refreshes of concurrent requests into one statement.
	reads   *database.Coalescer[struct{}]
	reading atomic.Bool // one request refreshes a copy that is still usable

	mu      sync.RWMutex
	entries map[uuid.UUID]entry // by subject
	readAt  time.Time           // zero: never
	crowded time.Time           // when there were too many rows for a copy; zero if there is a copy
}

// NewList returns a new List of the revocations in db.
func NewList(db *database.DB, now clock.Clock) *List {
	l := &List{db: db, now: now, limit: maxEntries, entries: map[uuid.UUID]entry{}}
	if db != nil { // nil where functions are described and not run
		l.reads = database.NewCoalescer(db, func(ctx context.Context, q database.Queryer, _ []struct{}) error { return l.read(ctx, q) })
	}
	return l
}

// Check returns nil if the tokens of a principal are not revoked, auth.ErrRevoked if they
// are, or another error if that cannot be determined. It detects all revocations that were
// committed MaxAge ago.
func (l *List) Check(ctx context.Context, p auth.Principal) error {
	if err := l.refresh(ctx); err != nil {
		return fmt.Errorf("check whether a token was revoked: %w", err)
	}
	revoked, known := l.lookUp(p)
	if !revoked && !known {
		var err error
		if revoked, err = selectRevoked(ctx, l.db, p); err != nil {
			return fmt.Errorf("check whether a token was revoked: %w", err)
		}
	}
	if revoked {
		return fmt.Errorf("user %s, session %s, rights of version %d: %w", p.UserID, p.SessionID, p.RightsVersion, auth.ErrRevoked)
	}
	return nil
}

// lookUp reports whether the copy revokes the tokens of a principal, and whether there
// is a copy.
func (l *List) lookUp(p auth.Principal) (revoked, known bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	revoked = l.entries[p.UserID].minVersion > p.RightsVersion || l.entries[p.SessionID].minVersion > p.RightsVersion
	return revoked, l.crowded.IsZero()
}

// refresh reads new rows if the copy is not fresh.
func (l *List) refresh(ctx context.Context) error {
	usable := l.isYounger(MaxAge)
	switch {
	case l.isYounger(freshFor):
		return nil
	case usable && !l.reading.CompareAndSwap(false, true):
		return nil
	case usable:
		defer l.reading.Store(false)
	}
	return l.reads.Do(database.WithMaxAcquire(ctx, maxAcquire), []struct{}{{}})
}

// isYounger reports whether the copy is younger than d.
func (l *List) isYounger(d time.Duration) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	age := l.now().Sub(l.readAt)
	return age >= 0 && age < d // negative if the clock was set back
}

// read reads the rows that were stored since the last read, or all of them.
func (l *List) read(ctx context.Context, q database.Queryer) error {
	if l.isYounger(freshFor) { // another request's read has just ended
		return nil
	}
	now := l.now()
	since, skip := l.next(now)
	if skip {
		l.finish(now, nil)
		return nil
	}
	entries, err := selectSince(ctx, q, since, l.limit+1)
	if err != nil {
		return err
	}
	l.finish(now, entries)
	return nil
}

// next returns the time since which to read rows, or reports that there is nothing to read
// because there are too many rows for a copy.
func (l *List) next(now time.Time) (since time.Time, skip bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	since = now.Add(-Retention)
	if l.isCrowded(now) {
		return since, true
	}
	if from := l.readAt.Add(-overlap); l.crowded.IsZero() && from.After(since) && !l.readAt.After(now) {
		since = from
	}
	return since, false
}

// finish updates the copy after a read that began at a time.
func (l *List) finish(at time.Time, entries []entry) {
	if len(entries) <= l.limit {
		l.merge(entries)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readAt = at
	maps.DeleteFunc(l.entries, func(_ uuid.UUID, e entry) bool { return at.Sub(e.storedAt) > Retention })
	if l.isCrowded(at) {
		return
	}
	l.crowded = time.Time{}
	if len(entries) > l.limit || len(l.entries) > l.limit {
		slog.Error("too many revocations to cache: each request queries the database", "limit", l.limit)
		l.crowded, l.entries = at, map[uuid.UUID]entry{}
	}
}

// isCrowded reports whether a read found too many rows less than crowdedFor ago.
func (l *List) isCrowded(now time.Time) bool {
	age := now.Sub(l.crowded)
	return age >= 0 && age < crowdedFor
}

// merge adds rows to the copy.
func (l *List) merge(entries []entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range entries {
		known := l.entries[e.subject]
		e.minVersion = max(e.minVersion, known.minVersion)
		if e.storedAt.Before(known.storedAt) {
			e.storedAt = known.storedAt
		}
		l.entries[e.subject] = e
	}
}

// Prune deletes the rows whose tokens have expired.
func (l *List) Prune(ctx context.Context) error {
	if err := database.Prune(ctx, l.db, pruneRevocations, l.now().Add(-Retention)); err != nil {
		return fmt.Errorf("delete old revocations: %w", err)
	}
	return nil
}
