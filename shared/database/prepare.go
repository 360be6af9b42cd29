package database

import (
	"container/list"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

const (
	// maxPrepared bounds the prepared statements of a connection. A function has about ten
	// statements; the server has max_prepared_stmt_count for all connections, 16,382 by default.
	maxPrepared = 32
	// prepareAfter is the number of uses after which a statement is prepared: statements that
	// are rare, or written with varying numbers of rows, are not worth a round trip.
	prepareAfter = 2
	// maxPreparedArgs bounds the arguments of a prepared statement. Those with more write or
	// read many rows, and there are as many of them as there are numbers of rows.
	maxPreparedArgs = 40
)

// Errors of the server, see
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html.
const (
	errUnknownStatement = 1243 // ER_UNKNOWN_STMT_HANDLER
	errTooManyPrepared  = 1461 // ER_MAX_PREPARED_STMT_COUNT_REACHED
	errNeedReprepare    = 1615 // ER_NEED_REPREPARE
)

// serverConn is a connection of the driver.
type serverConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.Pinger
	driver.QueryerContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.SessionResetter
	driver.Validator
}

// preparedStmt is a prepared statement of the driver.
type preparedStmt interface {
	driver.Stmt
	driver.StmtQueryContext
	driver.StmtExecContext
}

// preparingConn is a connection that prepares the statements that it runs repeatedly
// (docs/adr/0051). Others, and all if the server refuses, are sent as text with their arguments.
// Like every driver.Conn it is used by one goroutine at a time.
type preparingConn struct {
	serverConn
	// statements has the last used statements by their text, each a *usedStatement; order has
	// them too, the last used first.
	statements map[string]*list.Element
	order      list.List
	disabled   bool // the server has as many prepared statements as it allows
}

// usedStatement is a statement that a connection has run.
type usedStatement struct {
	query    string
	uses     int
	prepared preparedStmt // nil if it is sent as text
	refused  bool         // the server does not prepare it
}

func newPreparingConn(conn serverConn) *preparingConn {
	return &preparingConn{serverConn: conn, statements: map[string]*list.Element{}}
}

// QueryContext runs a statement that returns rows.
func (c *preparingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	used, err := c.statement(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if used != nil {
		rows, err := used.prepared.QueryContext(ctx, args)
		if !c.isOutdated(used, err) {
			return rows, err
		}
	}
	return c.serverConn.QueryContext(ctx, query, args)
}

// ExecContext runs a statement. One that returns rows is sent as text: the driver (v1.10.1) waits
// for columns of its second result that MariaDB does not repeat.
func (c *preparingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if !changesRows(query) {
		return c.serverConn.ExecContext(ctx, query, args)
	}
	used, err := c.statement(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if used != nil {
		result, err := used.prepared.ExecContext(ctx, args)
		if !c.isOutdated(used, err) {
			return result, err
		}
	}
	return c.serverConn.ExecContext(ctx, query, args)
}

// changesRows reports whether a statement changes rows, and so returns none.
func changesRows(query string) bool {
	query = strings.TrimSpace(query)
	return slices.ContainsFunc([]string{"INSERT", "UPDATE", "DELETE", "REPLACE"}, func(verb string) bool {
		return len(query) >= len(verb) && strings.EqualFold(query[:len(verb)], verb)
	})
}

// hasList reports whether a statement has a list of two or more rows, ids or cases. There are as many
// such statements as there are sizes of batches, and they would displace those that are repeated.
func hasList(query string) bool {
	return slices.ContainsFunc([]string{"), (?", "IN (?, ?", "THEN ? WHEN"}, func(list string) bool { return strings.Contains(query, list) })
}

// statement returns the prepared statement for a query, or nil if it is sent as text. The error is
// that of a lost connection, or the context's.
func (c *preparingConn) statement(ctx context.Context, query string, args []driver.NamedValue) (*usedStatement, error) {
	if len(args) == 0 || len(args) > maxPreparedArgs || hasList(query) {
		return nil, nil
	}
	used := c.use(query)
	if used.prepared != nil {
		return used, nil
	}
	if used.refused || c.disabled || used.uses <= prepareAfter {
		return nil, nil
	}
	stmt, err := c.PrepareContext(ctx, query)
	if server, ok := errors.AsType[*mysql.MySQLError](err); ok {
		// As text, the statement runs or fails with its own error.
		c.disabled = server.Number == errTooManyPrepared
		used.refused = !c.disabled
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	prepared, ok := stmt.(preparedStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("prepare a statement: %T has no context", stmt), stmt.Close())
	}
	used.prepared = prepared
	return used, nil
}

// use records the use of a statement. It closes the statement that has not been used for the
// longest time if there are too many.
func (c *preparingConn) use(query string) *usedStatement {
	if element, known := c.statements[query]; known {
		c.order.MoveToFront(element)
		used, _ := element.Value.(*usedStatement)
		used.uses++
		return used
	}
	if c.order.Len() >= maxPrepared {
		oldest, _ := c.order.Remove(c.order.Back()).(*usedStatement)
		delete(c.statements, oldest.query)
		oldest.close()
	}
	used := &usedStatement{query: query, uses: 1}
	c.statements[query] = c.order.PushFront(used)
	return used
}

// isOutdated reports whether the server did not run a prepared statement because its tables have
// changed, or because it does not know it. The statement is then prepared again at its next use.
func (c *preparingConn) isOutdated(used *usedStatement, err error) bool {
	server, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok || server.Number != errNeedReprepare && server.Number != errUnknownStatement {
		return false
	}
	used.close()
	return true
}

// close closes the prepared statement, if there is one. The server does not respond to that, and
// a lost connection fails the statement that is run next.
func (s *usedStatement) close() {
	if s.prepared != nil {
		_ = s.prepared.Close()
		s.prepared = nil
	}
}
