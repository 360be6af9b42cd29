package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-sql-driver/mysql"
)

// A transaction is tried at most txMaxTries times within txMaxElapsed: long
// enough for one lock wait and its repetition, short enough for a request.
const (
	txMaxTries   = 10
	txMaxElapsed = 15 * time.Second
)

// Tx is a transaction that InTx runs. It belongs to one goroutine.
type Tx struct {
	tx          *sql.Tx
	afterCommit []func(ctx context.Context)
}

// ExecContext runs one statement in the transaction; see DB.ExecContext.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.tx.ExecContext(ctx, query, args...)
}

// QueryContext runs one statement that returns rows; they must be closed before
// the next statement, for a transaction has one connection.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, query, args...)
}

// QueryRowContext runs one statement that returns at most one row.
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(ctx, query, args...)
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
		tx, err := db.tryTx(ctx, fn)
		last = err
		if err != nil && !isRetryable(ctx, err) {
			return nil, backoff.Permanent(err)
		}
		return tx, err
	}, backoff.WithBackOff(pause), backoff.WithMaxTries(txMaxTries), backoff.WithMaxElapsedTime(txMaxElapsed))
	switch {
	case err == nil:
		for _, hook := range committed.afterCommit {
			hook(ctx)
		}
		return nil
	case last != nil && !errors.Is(last, err):
		// The context ended between two tries; say what the last one died of too.
		return fmt.Errorf("run transaction: %w; last try: %w", err, last)
	default:
		return fmt.Errorf("run transaction: %w", err)
	}
}

// tryTx runs fn once. It holds the connection itself because a connection whose
// commit failed may still have the transaction open, and must not go back to the
// pool, where the next transaction's start would commit it.
func (db *DB) tryTx(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) (*Tx, error) {
	conn, err := db.acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("get a connection: %w", err)
	}
	// The pool has the connection back, whatever Close says; it fails only for a
	// connection that was discarded, as below.
	defer func() { _ = conn.Close() }()

	sqlTx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	// Also the way out of a panic in fn. After a commit it is a no-op.
	defer func() { _ = sqlTx.Rollback() }()

	tx := &Tx{tx: sqlTx}
	if err := fn(ctx, tx); err != nil {
		return nil, err
	}
	if err := sqlTx.Commit(); err != nil {
		discard(conn)
		return nil, &commitError{err}
	}
	return tx, nil
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

// isRetryable says whether the transaction that ended with err surely left
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
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn)
}
