package audit

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// snapshot is one service's database as it was at one moment. It is one
// connection, so one result is read at a time.
type snapshot struct {
	service string
	conn    *sql.Conn
}

// take begins a snapshot: a transaction that only reads, and that sees nothing of
// what others change from now on.
func take(ctx context.Context, service string, db *sql.DB) (*snapshot, error) {
	if db == nil {
		return nil, fmt.Errorf("which database has the %s service? none is given", service)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the %s database: %w", service, err)
	}
	for _, statement := range []string{
		// Two streams are read side by side; one may wait long for the other.
		"SET SESSION net_write_timeout = 3600",
		"SET SESSION group_concat_max_len = 1048576", // an order has 50 lines at most
		"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
		"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("take a snapshot of the %s database: %w", service, err), conn.Close())
		}
	}
	return &snapshot{service: service, conn: conn}, nil
}

// release ends the transaction. An audit that was cut off has lost its connection,
// and the server ends the transaction itself.
func (s *snapshot) release() error {
	_, err := s.conn.ExecContext(context.Background(), "ROLLBACK")
	if errors.Is(err, sql.ErrConnDone) || errors.Is(err, driver.ErrBadConn) {
		err = nil
	}
	return errors.Join(err, s.conn.Close())
}

// query calls scan for each row of the result.
func (s *snapshot) query(ctx context.Context, scan func(*sql.Rows) error, statement string, args ...any) error {
	rows, err := s.conn.QueryContext(ctx, statement, args...)
	if err != nil {
		return s.failed(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return s.failed(err)
		}
	}
	return s.failed(rows.Err())
}

// count returns a number of rows.
func (s *snapshot) count(ctx context.Context, table string) (n int64, err error) {
	err = s.conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table).Scan(&n)
	return n, s.failed(err)
}

func (s *snapshot) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("read the %s database: %w", s.service, err)
}
