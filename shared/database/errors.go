package database

import (
	"database/sql/driver"
	"errors"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Server errors this package tells apart, from
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html.
const (
	errTooManyConns   = 1040 // ER_CON_COUNT_ERROR
	errShutdown       = 1053 // ER_SERVER_SHUTDOWN
	errDuplicateEntry = 1062 // ER_DUP_ENTRY
	errNoSuchTable    = 1146 // ER_NO_SUCH_TABLE
	errTooManyOfUser  = 1203 // ER_TOO_MANY_USER_CONNECTIONS
	errLockWait       = 1205 // ER_LOCK_WAIT_TIMEOUT
	errDeadlock       = 1213 // ER_LOCK_DEADLOCK
	errUserLimit      = 1226 // ER_USER_LIMIT_REACHED
	errKilled         = 1927 // ER_CONNECTION_KILLED, MariaDB's
	errLockNowait     = 3572 // ER_LOCK_NOWAIT
)

// IsDuplicate reports whether err is a violation of a primary or unique key.
func IsDuplicate(err error) bool {
	return serverErrorNumber(err) == errDuplicateEntry
}

// DuplicateKey is the name of the key that err violates, PRIMARY for the primary
// key, without the table that MySQL puts before it and MariaDB does not; empty
// if err is no duplicate.
func DuplicateKey(err error) string {
	server, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok || server.Number != errDuplicateEntry {
		return ""
	}
	const before = " for key '"
	at := strings.LastIndex(server.Message, before)
	if at < 0 {
		return ""
	}
	key := strings.TrimSuffix(server.Message[at+len(before):], "'")
	return key[strings.LastIndex(key, ".")+1:]
}

// IsLocked reports whether err is a statement that found a row locked by another
// transaction. For a statement with NOWAIT the number is MySQL's 3572 or MariaDB's
// 1205.
func IsLocked(err error) bool {
	number := serverErrorNumber(err)
	return number == errLockNowait || number == errLockWait
}

// IsCommitUnknown reports whether err is a transaction that may have been committed:
// the connection ended before the server's response to COMMIT.
func IsCommitUnknown(err error) bool {
	_, atCommit := errors.AsType[*commitError](err)
	return atCommit
}

// isLockConflict reports whether err ended a transaction for another's sake.
func isLockConflict(err error) bool {
	switch serverErrorNumber(err) {
	case errLockWait, errDeadlock, errLockNowait:
		return true
	}
	return false
}

// IsUnavailable reports whether err is the server's state, not the statement's
// fault: it cannot be reached, takes on no more, or had no time for a transaction
// however often that was tried. A transaction that failed so surely had no effect
// and may succeed when it comes again: a commit whose answer was lost is not among
// it. Of a statement outside of a transaction only the answer may be lost.
func IsUnavailable(err error) bool {
	if _, atCommit := errors.AsType[*commitError](err); atCommit {
		return false
	}
	switch serverErrorNumber(err) {
	case errTooManyConns, errTooManyOfUser, errUserLimit, errShutdown, errKilled:
		return true
	}
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, ErrPoolExhausted) || isLockConflict(err) {
		return true
	}
	_, onTheWay := errors.AsType[*net.OpError](err)
	_, byName := errors.AsType[*net.DNSError](err)
	return onTheWay || byName
}

func serverErrorNumber(err error) uint16 {
	if server, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return server.Number
	}
	return 0
}
