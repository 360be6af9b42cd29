package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// A transaction is tried at most txMaxTries times within txMaxElapsed: long
// enough for one lock wait and its repetition, short enough for a request.
const (
	txMaxTries   = 10
	txMaxElapsed = 15 * time.Second
)

// Tx is a transaction that InTx runs. It belongs to one goroutine.
type Tx struct {
	session
	afterCommit []func(ctx context.Context)
}

// AfterCommit has hook called once, when the transaction has been committed and
// before InTx returns; hooks run in the order they were added, with InTx's own
// context. A hook of a transaction that was rolled back or is tried again is
// dropped. Whatever a hook does can be lost if the process dies in between: what
// must happen belongs into the transaction.
func (t *Tx) AfterCommit(hook func(ctx context.Context)) {
	t.afterCommit = append(t.afterCommit, hook)
}

// InTx runs fn in a transaction and commits it if fn returns nil; after an error
// or a panic of fn nothing of it remains. fn can run several times: deadlocks
// and lock waits that ended, and connections lost before the commit was sent,
// are tried again, a bounded number of times. So fn must change nothing outside
// the transaction but variables it sets anew each time.
//
// A commit whose answer was lost is not tried again, for it may have happened.
// Errors of fn come back wrapped, so errors.Is and errors.As see them.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = 4 * time.Millisecond
	pause.MaxInterval = 250 * time.Millisecond
	pause.Multiplier = 2

	var last error
	committed, err := backoff.Retry(ctx, func() (*Tx, error) {
		begin := time.Now()
		tx, err := db.tryTx(ctx, fn)
		last = err
		if err != nil && (!isRetryable(ctx, err) || db.hangs(err, time.Since(begin))) {
			return nil, backoff.Permanent(err)
		}
		return tx, err
	}, backoff.WithBackOff(pause), backoff.WithMaxTries(txMaxTries), backoff.WithMaxElapsedTime(txMaxElapsed))
	switch {
	case err == nil:
		for _, hook := range committed.afterCommit {
			hook(WithGuard(ctx, nil))
		}
		return nil
	case last != nil && !errors.Is(last, err):
		// The context ended between two tries; say what the last one died of too.
		return fmt.Errorf("run transaction: %w; last try: %w", err, last)
	default:
		return fmt.Errorf("run transaction: %w", err)
	}
}

// hangs reports whether a connection was lost because the driver's own timeout ended
// it: a server that does not respond is not asked again for as long.
func (db *DB) hangs(err error, took time.Duration) bool {
	return db.timeout > 0 && took >= db.timeout && isConnectionLost(err)
}

// tryTx runs fn once. It sends BEGIN, COMMIT and ROLLBACK itself, as statements with a
// context: database/sql's Commit and Rollback take none, and would wait for ever for a
// server that does not respond.
func (db *DB) tryTx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) (*Tx, error) {
	conn, err := db.connection(ctx)
	if err != nil {
		return nil, err
	}
	// Rows that fn left open end with this context; the connection's Close would wait
	// for them.
	ctx, end := context.WithCancel(ctx)
	ended := false // COMMIT or ROLLBACK was successful
	// Also the way out of a panic in fn.
	defer func() {
		end()
		if !ended && rollback(context.WithoutCancel(ctx), conn) != nil {
			// It may still have the transaction open, and must not go back to the pool,
			// where the next transaction's start would commit it.
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
	if err := fn(ctx, tx); err != nil {
		return nil, err
	}
	if guard := guardOf(ctx); guard != nil {
		if err := guard(ctx, tx); err != nil {
			return nil, err
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
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("get a connection: %w", err)
	}
	return conn, nil
}

func commit(ctx context.Context, conn *sql.Conn, timeout time.Duration) error {
	ctx, end := boundCommit(ctx, timeout)
	defer end()
	_, err := conn.ExecContext(ctx, "COMMIT")
	return err
}

func rollback(ctx context.Context, conn *sql.Conn) error {
	ctx, _, end := bound(ctx, rollbackTimeout)
	defer end()
	_, err := conn.ExecContext(ctx, "ROLLBACK")
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

// isRetryable reports whether the transaction that ended with err surely left
// nothing behind and may succeed when run again.
func isRetryable(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
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
