package apikey

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/clock"
	"souk/shared/database"
)

const (
	// rateWindow is the time in which the requests of a key are restored.
	rateWindow = time.Minute
	// blocksPerWindow is the number of blocks in which an instance takes the requests of a key
	// from the database: the more, the more statements, and the fewer requests an idle instance
	// holds.
	blocksPerWindow = 10
)

// RateError is returned for a key that has spent its requests.
type RateError struct {
	KeyID uuid.UUID
	Limit api.RateLimit
	// Reset is the time until the key may send a request again.
	Reset time.Duration
}

// Error implements error.
func (e *RateError) Error() string {
	return fmt.Sprintf("key %s has spent its %d requests per minute", e.KeyID, e.Limit.Quota)
}

// limiter limits the requests of each key to a service. The database has one row for each key, the
// state of a token bucket (GCRA, with one time as its state), from which all instances of the
// service draw blocks of requests. A request costs no statement while its instance has a block.
//
// An instance holds at most one block of each key, so that in any minute a service accepts at most
// the requests that the bucket holds and restores, twice the rate, and one block for each instance.
type limiter struct {
	db  *database.DB
	now clock.Clock

	mu     sync.Mutex
	blocks map[uuid.UUID]*block
}

// block is what an instance has of the requests of a key.
type block struct {
	// turn is a semaphore of 1: one request draws a block, and others wait for it.
	turn chan struct{}

	requests int
	hour     time.Time // of the last draw, which records the use of the key
	emptyAt  time.Time // until this time the bucket has no requests
}

func newLimiter(db *database.DB, now clock.Clock) *limiter {
	return &limiter{db: db, now: now, blocks: map[uuid.UUID]*block{}}
}

// retain drops the blocks of keys that do not exist any more.
func (l *limiter) retain(keys []entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	retained := make(map[uuid.UUID]*block, len(keys))
	for _, k := range keys {
		if b := l.blocks[k.ID]; b != nil {
			retained[k.ID] = b
		}
	}
	l.blocks = retained
}

// block returns the block of a key.
func (l *limiter) block(id uuid.UUID) *block {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.blocks[id]
	if b == nil {
		b = &block{turn: make(chan struct{}, 1)}
		l.blocks[id] = b
	}
	return b
}

// spend spends one of the requests of a key, whose rate is per minute. The error is a RateError if
// the key has none.
func (l *limiter) spend(ctx context.Context, id uuid.UUID, rate int) error {
	b := l.block(id)
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return fmt.Errorf("wait for the requests of key %s: %w", id, ctx.Err())
	}
	now := l.now().Truncate(time.Microsecond) // the precision of the database
	if b.requests == 0 || !b.hour.Equal(hourOf(now)) {
		if wait := b.emptyAt.Sub(now); 0 < wait && wait <= rateWindow {
			return newRateError(id, rate, wait)
		}
		drawn, err := l.draw(ctx, id, rate, now)
		if err != nil {
			return err
		}
		if b.hour, b.emptyAt = hourOf(now), drawn.emptyAt; drawn.requests == 0 {
			return newRateError(id, rate, drawn.emptyAt.Sub(now))
		}
		b.requests = drawn.requests
	}
	b.requests--
	return nil
}

func newRateError(id uuid.UUID, rate int, reset time.Duration) *RateError {
	return &RateError{KeyID: id, Limit: api.RateLimit{Name: "api-key", Quota: rate, Window: rateWindow}, Reset: reset}
}

// draw takes a block of requests of a key from the database, and records the use of the key.
func (l *limiter) draw(ctx context.Context, id uuid.UUID, rate int, now time.Time) (drawn drawnBlock, err error) {
	err = l.db.InTx(database.WithMaxAcquire(ctx, maxAcquire), func(ctx context.Context, tx *database.Tx) error {
		fullAt, err := lockUse(ctx, tx, id, now)
		if err != nil {
			return err
		}
		if drawn = drawFrom(fullAt, rate, now); drawn.requests == 0 {
			return nil
		}
		return updateBucket(ctx, tx, id, drawn.fullAt)
	})
	if err != nil {
		return drawn, fmt.Errorf("draw requests of key %s: %w", id, err)
	}
	return drawn, nil
}

// drawnBlock is the result of a draw.
type drawnBlock struct {
	requests int
	// fullAt is when the bucket is full again. emptyAt is, if there are no requests, when it has one.
	fullAt, emptyAt time.Time
}

// drawFrom returns a block of a bucket that is full at a time.
func drawFrom(fullAt time.Time, rate int, now time.Time) drawnBlock {
	step := rateWindow / time.Duration(rate)
	if fullAt.Before(now) {
		fullAt = now
	}
	available := int(now.Add(rateWindow).Sub(fullAt) / step)
	if available < 1 {
		return drawnBlock{fullAt: fullAt, emptyAt: fullAt.Add(step - rateWindow)}
	}
	n := min(available, (rate+blocksPerWindow-1)/blocksPerWindow)
	return drawnBlock{requests: n, fullAt: fullAt.Add(time.Duration(n) * step)}
}

// hourOf returns the beginning of the hour of a time.
func hourOf(t time.Time) time.Time { return t.UTC().Truncate(time.Hour) }
