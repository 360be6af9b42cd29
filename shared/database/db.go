package database

import (
	"context"
	"database/sql"
)

// Queryer runs statements: a *DB each on its own, a *Tx all in one transaction.
type Queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

var (
	_ Queryer = (*DB)(nil)
	_ Queryer = (*Tx)(nil)
)

// DB is the pool of one database. It is safe for concurrent use. Transactions
// go through InTx only, which is why it does not embed *sql.DB and its Begin.
type DB struct {
	pool *sql.DB
}

// ExecContext runs one statement that returns no rows. RowsAffected counts the
// rows its WHERE matched, whether or not they changed.
func (db *DB) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return db.pool.ExecContext(ctx, query, args...)
}

// QueryContext runs one statement that returns rows; the caller closes them.
func (db *DB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return db.pool.QueryContext(ctx, query, args...)
}

// QueryRowContext runs one statement that returns at most one row; Scan of the
// result is sql.ErrNoRows when it returned none.
func (db *DB) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return db.pool.QueryRowContext(ctx, query, args...)
}

// PingContext checks that the server answers, dialling it if need be.
func (db *DB) PingContext(ctx context.Context) error { return db.pool.PingContext(ctx) }

// Close closes the pool, waiting for statements that run.
func (db *DB) Close() error { return db.pool.Close() }

// SQL is the pool itself, for what needs a *sql.DB: migrations and statistics.
func (db *DB) SQL() *sql.DB { return db.pool }
