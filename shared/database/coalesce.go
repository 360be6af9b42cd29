package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// coalesceTries is how often Coalescer.Do tries a batch after a lock conflict or a lost
// connection.
const coalesceTries = 3

// maxCarrierWait is how long a batch waits for a shared transaction to carry it: longer than a
// transaction usually takes, and much shorter than one that waits for a row lock.
const maxCarrierWait = 50 * time.Millisecond

// errNotCarried is the error of a batch whose carrier was rolled back.
var errNotCarried = errors.New("the transaction that was to carry the batch was rolled back")

// Coalescer combines small statements of concurrent requests into one. It has no background
// goroutine and no timer. A batch runs on the first free connection: the one that the first request
// of the batch waits for, or that of the next transaction before it begins. So it does not wait in
// the pool behind new requests.
type Coalescer[T any] struct {
	db      *DB
	carried bool          // see NewCarriedCoalescer
	maxWait time.Duration // for a carrier
	run     func(ctx context.Context, q Queryer, items []T) error
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
	c := &Coalescer[T]{db: db, run: run, leader: make(chan struct{}, 1), maxWait: maxCarrierWait}
	db.addFlusher(c)
	return c
}

// NewCarriedCoalescer returns a new Coalescer whose batches run in the shared transaction that is
// announced or in progress, right before its commit, so that they cost no commit of their own; see
// DB.InSharedTx. A batch that no transaction has taken within maxCarrierWait runs on its own. One that
// was taken shares the transaction's locks and its end, so that nothing urgent may be carried.
func NewCarriedCoalescer[T any](db *DB, run func(ctx context.Context, q Queryer, items []T) error) *Coalescer[T] {
	c := NewCoalescer(db, run)
	c.carried = true
	return c
}

// Do runs items in one batch with those of other requests. It returns early when ctx ends;
// the items may then still be run.
func (c *Coalescer[T]) Do(ctx context.Context, items []T) (err error) {
	for try := range coalesceTries {
		err = c.try(ctx, items, c.carried && try == 0)
		if ctx.Err() != nil || !isLockConflict(err) && !isConnectionLost(err) && !errors.Is(err, errNotCarried) {
			return err
		}
	}
	return err
}

// try runs items in a batch. A repeated try is not carried by a transaction, which may fail again.
func (c *Coalescer[T]) try(ctx context.Context, items []T, carried bool) error {
	b := c.add(items)
	var maxWait <-chan time.Time // nil, which blocks for ever, if a connection is waited for at once
	leader := c.leader
	if carried && c.db.hasCarrier() {
		timer := time.NewTimer(c.maxWait)
		defer timer.Stop()
		maxWait, leader = timer.C, nil
	}
	for {
		select {
		case <-b.done:
			return b.err
		case <-maxWait:
			leader = c.leader
		case leader <- struct{}{}:
			if err := c.lead(ctx, b); err != nil {
				return err
			}
			// If the batch is not done, another connection runs it. To run it once more would be to
			// wait for the locks of that connection.
			leader = nil
		case <-ctx.Done():
			return fmt.Errorf("wait for a batch: %w", ctx.Err())
		}
	}
}

// lead waits for a connection on behalf of all requests, and runs the pending batch. It returns nil if
// another connection has run b meanwhile.
func (c *Coalescer[T]) lead(ctx context.Context, b *coalesced[T]) error {
	defer func() { <-c.leader }()
	conn, err := c.connection(ctx, b)
	if err == nil {
		c.flush(ctx, session{conn: conn, timeout: c.db.timeout})
		err = conn.Close()
	}
	select {
	case <-b.done:
		return nil
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
	taken := c.take()
	if taken == nil {
		return
	}
	err := errors.New("the batch was not finished")
	defer func() { taken.end(err) }()
	err = taken.run(ctx, q)
}

// take takes the pending batch, or returns nil if there is none.
func (c *Coalescer[T]) take() *takenBatch {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.pending
	if b == nil {
		return nil
	}
	c.pending = nil
	return &takenBatch{
		run: func(ctx context.Context, q Queryer) error { return c.run(context.WithoutCancel(ctx), q, b.items) },
		end: func(err error) {
			b.err = err
			close(b.done)
		},
	}
}

func (c *Coalescer[T]) isCarried() bool { return c.carried }
