package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
)

// fakeConn is a connection that records how statements are run.
type fakeConn struct {
	serverConn
	log        []string
	open       int
	prepareErr error
	executeErr error
}

type fakeStmt struct {
	preparedStmt
	conn  *fakeConn
	query string
}

func (c *fakeConn) add(format string, args ...any) {
	c.log = append(c.log, fmt.Sprintf(format, args...))
}

func (c *fakeConn) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	c.add("text %s", query)
	return nil, nil
}

func (c *fakeConn) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	c.add("text %s", query)
	return driver.RowsAffected(1), nil
}

func (c *fakeConn) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	c.add("prepare %s", query)
	if c.prepareErr != nil {
		return nil, c.prepareErr
	}
	c.open++
	return &fakeStmt{conn: c, query: query}, nil
}

func (s *fakeStmt) QueryContext(context.Context, []driver.NamedValue) (driver.Rows, error) {
	s.conn.add("execute %s", s.query)
	return nil, s.conn.executeErr
}

func (s *fakeStmt) ExecContext(context.Context, []driver.NamedValue) (driver.Result, error) {
	s.conn.add("execute %s", s.query)
	return driver.RowsAffected(1), s.conn.executeErr
}

func (s *fakeStmt) Close() error {
	s.conn.add("close %s", s.query)
	s.conn.open--
	return nil
}

// run runs a statement with a number of arguments.
func run(c *preparingConn, query string, args int) error {
	if query == "SELECT" {
		_, err := c.QueryContext(context.Background(), query, make([]driver.NamedValue, args))
		return err
	}
	_, err := c.ExecContext(context.Background(), query, make([]driver.NamedValue, args))
	return err
}

func TestPreparingConn(t *testing.T) {
	t.Parallel()
	serverError := func(number uint16) error { return &mysql.MySQLError{Number: number} }
	for name, test := range map[string]struct {
		query    string
		args     int
		executed error // of the first execution
		prepared error
		want     []string
	}{
		"prepares a statement at its third use": {
			"SELECT", 1, nil, nil,
			[]string{"text SELECT", "text SELECT", "prepare SELECT", "execute SELECT", "execute SELECT", "execute SELECT"},
		},
		"prepares a statement that returns no rows": {
			"UPDATE", maxPreparedArgs, nil, nil,
			[]string{"text UPDATE", "text UPDATE", "prepare UPDATE", "execute UPDATE", "execute UPDATE", "execute UPDATE"},
		},
		"sends a statement without arguments as text": {
			"SELECT", 0, nil, nil,
			[]string{"text SELECT", "text SELECT", "text SELECT", "text SELECT", "text SELECT"},
		},
		"sends a statement of many rows as text": {
			"INSERT", maxPreparedArgs + 1, nil, nil,
			[]string{"text INSERT", "text INSERT", "text INSERT", "text INSERT", "text INSERT"},
		},
		"sends a statement that cannot be prepared as text": {
			"SELECT", 1, nil, serverError(1295),
			[]string{"text SELECT", "text SELECT", "prepare SELECT", "text SELECT", "text SELECT", "text SELECT"},
		},
		"sends statements as text when the server has too many": {
			"UPDATE", 1, nil, serverError(errTooManyPrepared),
			[]string{"text UPDATE", "text UPDATE", "prepare UPDATE", "text UPDATE", "text UPDATE", "text UPDATE"},
		},
		"prepares a query again whose tables have changed": {
			"SELECT", 1, serverError(errNeedReprepare), nil,
			[]string{
				"text SELECT", "text SELECT", "prepare SELECT", "execute SELECT", "close SELECT", "text SELECT",
				"prepare SELECT", "execute SELECT", "execute SELECT",
			},
		},
		"prepares a statement again that the server does not know": {
			"UPDATE", 1, serverError(errUnknownStatement), nil,
			[]string{
				"text UPDATE", "text UPDATE", "prepare UPDATE", "execute UPDATE", "close UPDATE", "text UPDATE",
				"prepare UPDATE", "execute UPDATE", "execute UPDATE",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := &fakeConn{prepareErr: test.prepared, executeErr: test.executed}
			conn := newPreparingConn(fake)
			for i := range 5 {
				if i == 3 {
					fake.executeErr = nil
				}
				if err := run(conn, test.query, test.args); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(test.want, fake.log); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}

	for name, err := range map[string]error{
		"a lost connection": driver.ErrBadConn, "the end of the context": context.Canceled, "a lock conflict": serverError(1213),
	} {
		t.Run("returns the error of "+name+" and does not run the statement again", func(t *testing.T) {
			t.Parallel()
			for _, query := range []string{"SELECT", "UPDATE"} {
				fake := &fakeConn{executeErr: err}
				conn := newPreparingConn(fake)
				if err := errors.Join(run(conn, query, 1), run(conn, query, 1)); err != nil {
					t.Fatal(err)
				}
				fake.log = nil
				if got := run(conn, query, 1); !errors.Is(got, err) {
					t.Errorf("%s: got %v, want %v", query, got, err)
				}
				if diff := cmp.Diff([]string{"prepare " + query, "execute " + query}, fake.log); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			}
		})
	}

	t.Run("returns the error of a connection that is lost while a statement is prepared", func(t *testing.T) {
		t.Parallel()
		fake := &fakeConn{prepareErr: driver.ErrBadConn}
		conn := newPreparingConn(fake)
		err := errors.Join(run(conn, "UPDATE", 1), run(conn, "UPDATE", 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := run(conn, "UPDATE", 1); !errors.Is(err, driver.ErrBadConn) {
			t.Errorf("got %v, want ErrBadConn", err)
		}
		if diff := cmp.Diff([]string{"text UPDATE", "text UPDATE", "prepare UPDATE"}, fake.log); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestPreparedStatementsAreBounded(t *testing.T) {
	t.Parallel()
	fake := &fakeConn{}
	conn := newPreparingConn(fake)
	for i := range 10 * maxPrepared {
		for range prepareAfter + 1 {
			for _, query := range []string{fmt.Sprintf("UPDATE %d", i), "UPDATE hot"} {
				if err := run(conn, query, 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		if fake.open > maxPrepared || len(conn.statements) > maxPrepared || conn.order.Len() != len(conn.statements) {
			t.Fatalf("after %d statements %d are open and %d known, want at most %d", i, fake.open, len(conn.statements), maxPrepared)
		}
	}
	fake.log = nil
	if err := run(conn, "UPDATE hot", 1); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"execute UPDATE hot"}, fake.log); diff != "" {
		t.Errorf("a statement in use was closed (-want +got)\n%s", diff)
	}
}

func TestPreparedStatementsRunWhenTheServerHasTooMany(t *testing.T) {
	t.Parallel()
	fake := &fakeConn{}
	conn := newPreparingConn(fake)
	for range prepareAfter + 1 {
		if err := run(conn, "UPDATE a", 1); err != nil {
			t.Fatal(err)
		}
	}
	fake.prepareErr = &mysql.MySQLError{Number: errTooManyPrepared}
	for range prepareAfter + 1 {
		if err := run(conn, "UPDATE b", 1); err != nil {
			t.Fatal(err)
		}
	}
	fake.log, fake.prepareErr = nil, nil
	for _, query := range []string{"UPDATE a", "UPDATE b"} {
		if err := run(conn, query, 1); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"execute UPDATE a", "text UPDATE b"}, fake.log); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
