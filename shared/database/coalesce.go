package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// coalesceTries is how often Coalescer.Do tries a batch after a lock conflict or a lost
// connection.
const coalesceTries = 3

// Coalescer combines small statements of concurrent requests into one. It has no background
// goroutine and no timer. A batch runs on the first free connection: the one that the first
// request of the batch waits for, or that of the next transaction before it begins. So it
// does not wait in the pool behind new requests.
type Coalescer[T any] struct {
	db  *DB
	run func(ctx context.Context, q Queryer, items []T) error
	// leader is a semaphore of 1: one request waits for a connection on behalf of all.
	leader chan struct{}

	mu      sync.Mutex
	pending *coalesced[T] // nil if empty
}

// coalesced is a batch of items.
type coalesced[T any] struct {
	items []T
	done  chan struct{} // closed when err is set
	err   error
}

// NewCoalescer returns a new Coalescer. run executes its batches, outside of a transaction.
func NewCoalescer[T any](db *DB, run func(ctx context.Context, q Queryer, items []T) error) *Coalescer[T] {
	c := &Coalescer[T]{db: db, run: run, leader: make(chan struct{}, 1)}
	db.addFlusher(c)
	return c
}

// Do runs items in one batch with those of other requests. It returns early when ctx ends;
// the items may then still be run.
func (c *Coalescer[T]) Do(ctx context.Context, items []T) (err error) {
	for range coalesceTries {
		err = c.try(ctx, items)
		if ctx.Err() != nil || !isLockConflict(err) && !isConnectionLost(err) {
			return err
		}
	}
	return err
}

func (c *Coalescer[T]) try(ctx context.Context, items []T) error {
	b := c.add(items)
	select {
	case <-b.done:
		return b.err
	case c.leader <- struct{}{}:
		defer func() { <-c.leader }()
	case <-ctx.Done():
		return fmt.Errorf("wait for a batch: %w", ctx.Err())
	}
	conn, err := c.connection(ctx, b)
	if err == nil {
		c.flush(ctx, session{conn: conn, timeout: c.db.timeout})
		err = conn.Close()
	}
	select {
	case <-b.done: // by this request or by another one, in which case err may be set
		return b.err
	default:
		return err
	}
}

// connection waits for a connection until another request has run the batch.
func (c *Coalescer[T]) connection(ctx context.Context, b *coalesced[T]) (*sql.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-b.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	conn, err := c.db.connection(ctx)
	cancel()
	<-watched
	return conn, err
}

func (c *Coalescer[T]) add(items []T) *coalesced[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending == nil {
		c.pending = &coalesced[T]{done: make(chan struct{})}
	}
	c.pending.items = append(c.pending.items, items...)
	return c.pending
}

// flush runs the pending batch, if there is one. The end of ctx does not cancel it, because
// other requests wait for it.
func (c *Coalescer[T]) flush(ctx context.Context, q Queryer) {
	c.mu.Lock()
	b := c.pending
	c.pending = nil
	c.mu.Unlock()
	if b == nil {
		return
	}
	b.err = errors.New("the batch was not finished")
	defer close(b.done)
	b.err = c.run(context.WithoutCancel(ctx), q, b.items)
}

// flusher is a Coalescer of any type.
type flusher interface {
	flush(ctx context.Context, q Queryer)
}

func (db *DB) addFlusher(f flusher) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.flushers = append(db.flushers, f)
}

// flush runs the pending batches of all Coalescers.
func (db *DB) flush(ctx context.Context, q Queryer) {
	db.mu.Lock()
	flushers := db.flushers
	db.mu.Unlock()
	for _, f := range flushers {
		f.flush(ctx, q)
	}
}
