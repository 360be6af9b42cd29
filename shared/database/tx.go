package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.opentelemetry.io/otel/trace"

	"souk/shared/telemetry"
)

// A transaction is tried at most txMaxTries times within txMaxElapsed: long enough for two
// lock waits, short enough for a request.
const (
	txMaxTries   = 10
	txMaxElapsed = 15 * time.Second
)

// Tx is a transaction that InTx runs. It belongs to one goroutine.
type Tx struct {
	session
	afterCommit []func(ctx context.Context)
}

// AfterCommit adds a hook that is called once, after the commit and before InTx returns.
// Hooks run in the order in which they were added, with InTx's context. Hooks of a
// transaction that is rolled back or retried are dropped. The effect of a hook is lost if the
// process ends before it runs, so essential effects belong in the transaction.
func (t *Tx) AfterCommit(hook func(ctx context.Context)) {
	t.afterCommit = append(t.afterCommit, hook)
}

// InTx runs fn in a transaction. It commits if fn returns nil, and rolls back after an error
// or a panic of fn. fn may run several times: after deadlocks, lock wait timeouts and
// connections that were lost before the commit was sent, the transaction is retried a bounded
// number of times. So outside of the transaction fn must only set variables, in every run.
//
// A commit whose response was lost is not retried, because it may have succeeded, nor is an error
// of NoRetry. Errors of fn are returned wrapped.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return db.inTx(ctx, fn, nil)
}

// InSharedTx is like InTx for the work of several requests, which takes a short time: small
// statements of other requests, which a Coalescer combines, wait for its commit and are part of it,
// from the time at which the carrier was announced.
func (db *DB) InSharedTx(ctx context.Context, carrier *Carrier, fn func(ctx context.Context, tx *Tx) error) error {
	defer carrier.end(false) // has no effect after the commit
	return db.inTx(ctx, fn, carrier)
}

func (db *DB) inTx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error, carrier *Carrier) error {
	committed, err := db.transaction(ctx, fn, carrier)
	if err != nil {
		return fmt.Errorf("run transaction: %w", err)
	}
	for _, hook := range committed.afterCommit {
		hook(ctx)
	}
	return nil
}

// transaction runs fn in a transaction, which it tries a bounded number of times.
func (db *DB) transaction(ctx context.Context, fn func(ctx context.Context, tx *Tx) error, carrier *Carrier) (committed *Tx, err error) {
	ctx, span := startTransaction(ctx)
	defer func() { span.End(err) }()
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = 4 * time.Millisecond
	pause.MaxInterval = 250 * time.Millisecond
	pause.Multiplier = 2

	var last error
	committed, err = backoff.Retry(ctx, func() (*Tx, error) {
		begin := time.Now()
		tx, err := db.tryTx(ctx, fn, carrier)
		last = err
		if err != nil && (!isRetryable(ctx, err) || db.hangs(err, time.Since(begin))) {
			return nil, backoff.Permanent(err)
		}
		if err != nil {
			retried(ctx, err)
		}
		return tx, err
	}, backoff.WithBackOff(pause), backoff.WithMaxTries(txMaxTries), backoff.WithMaxElapsedTime(txMaxElapsed))
	if err != nil && last != nil && !errors.Is(last, err) {
		// The context ended between two tries: add the error of the last one.
		err = fmt.Errorf("%w; last try: %w", err, last)
	}
	return committed, err
}

// hangs reports whether a connection was lost because of the driver's timeout: InTx does not
// retry with a server that does not respond.
func (db *DB) hangs(err error, took time.Duration) bool {
	return db.timeout > 0 && took >= db.timeout && isConnectionLost(err)
}

// tryTx runs fn once. It sends BEGIN, COMMIT and ROLLBACK as statements with a context:
// database/sql's Commit and Rollback have no context, and would wait forever for a server
// that does not respond.
func (db *DB) tryTx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error, carrier *Carrier) (*Tx, error) {
	conn, err := db.connection(ctx)
	if err != nil {
		return nil, err
	}
	// The end of this context closes rows that fn left open; the connection's Close would
	// wait for them.
	ctx, end := context.WithCancel(ctx)
	ended := false // COMMIT or ROLLBACK was successful
	// This also runs after a panic in fn.
	defer func() {
		end()
		if carrier != nil {
			carrier.end(ended)
		}
		if !ended && rollback(context.WithoutCancel(ctx), conn) != nil {
			// The transaction may still be open: in the pool, the next transaction would
			// commit it.
			discard(conn)
		}
		// It fails only for a connection that was discarded.
		_ = conn.Close()
	}()

	tx := &Tx{session: session{conn: conn, timeout: db.timeout}}
	db.flush(ctx, tx.session)
	if _, err := tx.ExecContext(ctx, "START TRANSACTION"); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	if carrier != nil {
		carrier.begin() // again, in a further try
	}
	if err := fn(ctx, tx); err != nil {
		return nil, err
	}
	if carrier != nil {
		if err := carrier.run(ctx, tx); err != nil {
			return nil, fmt.Errorf("run the batches of other requests: %w", err)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	if err := commit(ctx, conn, db.timeout); err != nil {
		return nil, &commitError{err}
	}
	ended = true
	return tx, nil
}

// connection returns a connection of the pool.
func (db *DB) connection(ctx context.Context) (*sql.Conn, error) {
	ctx, _, end := bound(ctx, db.timeout)
	defer end()
	acquiring, span := telemetry.Start(ctx, "acquire connection", trace.SpanKindInternal)
	conn, err := db.acquire(acquiring)
	span.End(err)
	if err != nil {
		return nil, fmt.Errorf("get a connection: %w", err)
	}
	return conn, nil
}

func commit(ctx context.Context, conn *sql.Conn, timeout time.Duration) error {
	ctx, end := boundCommit(ctx, timeout)
	defer end()
	ctx, span := startStatement(ctx, "COMMIT")
	_, err := conn.ExecContext(ctx, "COMMIT")
	endStatement(span, err)
	return err
}

func rollback(ctx context.Context, conn *sql.Conn) error {
	ctx, _, end := bound(ctx, rollbackTimeout)
	defer end()
	ctx, span := startStatement(ctx, "ROLLBACK")
	_, err := conn.ExecContext(ctx, "ROLLBACK")
	endStatement(span, err)
	return err
}

func discard(conn *sql.Conn) {
	// database/sql closes a connection for which Raw returns ErrBadConn, and
	// returns just that.
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}

// commitError marks an error of the commit itself.
type commitError struct{ err error }

func (e *commitError) Error() string { return "commit: " + e.err.Error() }
func (e *commitError) Unwrap() error { return e.err }

// noRetryError marks an error of NoRetry.
type noRetryError struct{ err error }

func (e *noRetryError) Error() string { return e.err.Error() }
func (e *noRetryError) Unwrap() error { return e.err }

// NoRetry wraps an error of a transaction's function, after which the transaction is not retried.
func NoRetry(err error) error { return &noRetryError{err} }

// isRetryable reports whether the transaction that ended with err had no effect and may
// succeed in another try.
func isRetryable(ctx context.Context, err error) bool {
	if _, final := errors.AsType[*noRetryError](err); final || ctx.Err() != nil {
		return false
	}
	if isLockConflict(err) {
		return true
	}
	if _, atCommit := errors.AsType[*commitError](err); atCommit {
		return false
	}
	return isConnectionLost(err)
}
