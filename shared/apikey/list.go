package apikey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"souk/shared/clock"
	"souk/shared/database"
	"souk/shared/event"
)

const (
	// freshFor is the age of the copy beyond which a request refreshes it.
	freshFor = 2 * time.Second
	// MaxAge is the maximum age of the copy for requests that arrive while another request
	// refreshes it; they wait for the refresh of an older copy. MaxAge and the delivery time
	// of the event bound how long a revoked key is accepted: 5 s.
	MaxAge = 3 * time.Second
	// maxAcquire bounds the wait of a refresh for a connection.
	maxAcquire = 2 * time.Second
	// maxEntries bounds the copy. There are fewer keys: MaxKeys.
	maxEntries = 10 * MaxKeys
	// tombstoneRetention is how long a service stores that a key was revoked, so that an earlier
	// event of the key, which is delivered late, does not restore it. Dead letters are stored for
	// 31 days at most.
	tombstoneRetention = 90 * 24 * time.Hour
)

// Errors of Verify that callers distinguish with errors.Is.
var (
	// ErrUnknown is returned for a secret that no key has: that of another shop, of a revoked key,
	// or one that was replaced.
	ErrUnknown = errors.New("unknown API key")
	// ErrExpired is returned for a secret whose key has expired.
	ErrExpired = errors.New("expired API key")
	// ErrNetwork is returned for a key that may not be used from the network of the request.
	ErrNetwork = errors.New("API key of another network")
)

// List is an instance's copy of the keys in a service's database. Requests with a key refresh it:
// there is no background work. It is safe for concurrent use.
type List struct {
	db     *database.DB
	outbox *event.Outbox
	now    clock.Clock
	limits *limiter
	// reads coalesces the refreshes of concurrent requests into one statement.
	reads   *database.Coalescer[struct{}]
	reading atomic.Bool // one request refreshes a copy that is still usable

	mu      sync.RWMutex
	entries map[Hash]*entry // by secret
	readAt  time.Time       // zero: never, or the copy is known to be outdated
	changes int             // commits of this instance
}

// NewList returns a new List of the keys in db. Uses of keys are published through outbox.
func NewList(db *database.DB, outbox *event.Outbox, now clock.Clock) *List {
	l := &List{db: db, outbox: outbox, now: now, limits: newLimiter(db, now)}
	if db != nil { // nil where functions are described and not run
		l.reads = database.NewCoalescer(db, func(ctx context.Context, q database.Queryer, _ []struct{}) error { return l.read(ctx, q) })
	}
	return l
}

// Verify returns the key of a secret that a client at an address has sent. The error is
// ErrMalformed, ErrUnknown, ErrExpired, ErrNetwork, a RateError, or another one if the key
// cannot be verified now. A request that is verified spends one of the key's requests.
func (l *List) Verify(ctx context.Context, token string, client netip.Addr) (Key, error) {
	hash, err := ParseSecret(token)
	if err != nil {
		return Key{}, err
	}
	if err := l.refresh(ctx); err != nil {
		return Key{}, fmt.Errorf("read the API keys: %w", err)
	}
	now := l.now()
	l.mu.RLock()
	e := l.entries[hash]
	l.mu.RUnlock()
	switch {
	case e == nil, isOver(e.secrets[hash], now):
		return Key{}, ErrUnknown
	case isOver(e.expiresAt, now):
		return Key{}, fmt.Errorf("key %s: %w", e.ID, ErrExpired)
	case len(e.networks) > 0 && !slices.ContainsFunc(e.networks, func(network netip.Prefix) bool { return network.Contains(client) }):
		return Key{}, fmt.Errorf("key %s: %w", e.ID, ErrNetwork)
	}
	if err := l.limits.spend(ctx, e.ID, e.rate); err != nil {
		return Key{}, err
	}
	return e.Key, nil
}

// refresh reads the keys if the copy is not fresh.
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

// read replaces the copy.
func (l *List) read(ctx context.Context, q database.Queryer) error {
	if l.isYounger(freshFor) { // another request's read has just ended
		return nil
	}
	l.mu.RLock()
	changes := l.changes
	l.mu.RUnlock()
	now := l.now()
	keys, err := selectKeys(ctx, q, maxEntries+1)
	if err != nil {
		return err
	}
	if len(keys) > maxEntries {
		slog.ErrorContext(ctx, "too many API keys: the newest are refused", "limit", maxEntries)
	}
	entries := map[Hash]*entry{}
	for i := range keys {
		for hash := range keys[i].secrets {
			entries[hash] = &keys[i]
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = entries
	if l.changes == changes { // else the rows may be those before a commit of this instance
		l.readAt = now
	}
	l.limits.retain(keys)
	return nil
}

// Store stores the state of a key in tx, unless a later one is stored. It takes effect in this
// instance after the commit, in others when they refresh their copy.
func (l *List) Store(ctx context.Context, tx *database.Tx, c Changed) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := upsertKey(ctx, tx, c, l.now()); err != nil {
		return err
	}
	tx.AfterCommit(func(context.Context) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.changes++
		l.readAt = time.Time{}
	})
	return nil
}

// Prune deletes that keys were revoked, and when they were used, after the retention.
func (l *List) Prune(ctx context.Context) error {
	before := l.now().Add(-tombstoneRetention)
	revoked, uses := database.Prune(ctx, l.db, pruneRevoked, before), database.Prune(ctx, l.db, pruneUses, before)
	if err := errors.Join(revoked, uses); err != nil {
		return fmt.Errorf("delete old API keys: %w", err)
	}
	return nil
}
