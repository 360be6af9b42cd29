package database

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// ErrPoolExhausted is the error of a transaction without a connection within the time of
// WithMaxAcquire. No statement was sent to the server.
var ErrPoolExhausted = errors.New("every connection of the pool is in use")

type maxAcquireKey struct{}

// WithMaxAcquire returns a context in which a transaction waits at most d for a connection
// of the pool, and at most half of the context's remaining time: a request that cannot be
// served is refused while its client still waits for the response.
func WithMaxAcquire(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, maxAcquireKey{}, d)
}

// acquire returns a connection of the pool.
func (db *DB) acquire(ctx context.Context) (*sql.Conn, error) {
	wait, bounded := ctx.Value(maxAcquireKey{}).(time.Duration)
	if !bounded {
		return db.pool.Conn(ctx)
	}
	if deadline, limited := ctx.Deadline(); limited {
		wait = min(wait, time.Until(deadline)/2)
	}
	bound, cancel := context.WithTimeoutCause(ctx, wait, ErrPoolExhausted)
	defer cancel()
	conn, err := db.pool.Conn(bound)
	if err != nil && errors.Is(context.Cause(bound), ErrPoolExhausted) {
		return nil, errors.Join(ErrPoolExhausted, err)
	}
	return conn, err
}
