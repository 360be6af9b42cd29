package database

import (
	"context"
	"database/sql"
	"sync"
	"time"
)

// Queryer runs statements: a *DB each separately, a *Tx all in one transaction.
type Queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

var (
	_ Queryer = (*DB)(nil)
	_ Queryer = (*Tx)(nil)
)

// DB is the connection pool of a database. It is safe for concurrent use. It does not embed
// *sql.DB with its Begin, because transactions must use InTx.
type DB struct {
	pool    *sql.DB
	timeout time.Duration // of a statement; 0 means none

	mu       sync.Mutex
	flushers []flusher
	carriers int // shared transactions in progress that take pending batches
}

// ExecContext runs one statement that returns no rows. RowsAffected counts the
// rows its WHERE matched, whether or not they changed.
func (db *DB) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return execBounded(ctx, db.pool, db.timeout, query, args)
}

// QueryContext runs one statement that returns rows; the caller closes them.
func (db *DB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return queryBounded(ctx, db.pool, db.timeout, query, args)
}

// QueryRowContext runs one statement that returns at most one row. Scan of the result
// returns sql.ErrNoRows if there is none.
func (db *DB) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return queryRowBounded(ctx, db.pool, db.timeout, query, args)
}

// PingContext checks that the server responds, and connects if necessary.
func (db *DB) PingContext(ctx context.Context) error {
	ctx, _, end := bound(ctx, db.timeout)
	defer end()
	return db.pool.PingContext(ctx)
}

// Close closes the pool after running statements have ended.
func (db *DB) Close() error { return db.pool.Close() }

// SQL returns the pool as a *sql.DB, for migrations and statistics.
func (db *DB) SQL() *sql.DB { return db.pool }

func execBounded(ctx context.Context, q Queryer, timeout time.Duration, query string, args []any) (sql.Result, error) {
	ctx, _, end := bound(ctx, timeout)
	defer end()
	ctx, span := startStatement(ctx, query)
	result, err := q.ExecContext(ctx, query, args...)
	endStatement(span, err)
	return result, err
}

// queryBounded bounds the wait for the response. Afterwards the driver's timeouts bound the
// wait for each packet, and the caller may take any time to read the rows.
func queryBounded(ctx context.Context, q Queryer, timeout time.Duration, query string, args []any) (*sql.Rows, error) {
	ctx, stop, _ := bound(ctx, timeout)
	defer stop()
	ctx, span := startStatement(ctx, query)
	rows, err := q.QueryContext(ctx, query, args...) //nolint:sqlclosecheck // the caller closes them
	endStatement(span, err)
	return rows, err
}

func queryRowBounded(ctx context.Context, q Queryer, timeout time.Duration, query string, args []any) *sql.Row {
	ctx, stop, _ := bound(ctx, timeout)
	defer stop()
	ctx, span := startStatement(ctx, query)
	row := q.QueryRowContext(ctx, query, args...)
	endStatement(span, row.Err())
	return row
}

// session runs statements on one connection.
type session struct {
	conn    *sql.Conn
	timeout time.Duration // of a statement; 0 means none
}

// ExecContext runs one statement; see DB.ExecContext.
func (s session) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return execBounded(ctx, s.conn, s.timeout, query, args)
}

// QueryContext runs one statement that returns rows. They must be closed before the next
// statement, which uses the same connection.
func (s session) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return queryBounded(ctx, s.conn, s.timeout, query, args)
}

// QueryRowContext runs one statement that returns at most one row.
func (s session) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return queryRowBounded(ctx, s.conn, s.timeout, query, args)
}
