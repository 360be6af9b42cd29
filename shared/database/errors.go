package database

import (
	"database/sql/driver"
	"errors"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Server errors this package distinguishes, from
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and
// https://mariadb.com/docs/server/reference/error-codes.
const (
	errDuplicateEntry = 1062 // ER_DUP_ENTRY
	errNoSuchTable    = 1146 // ER_NO_SUCH_TABLE
	errLockWait       = 1205 // ER_LOCK_WAIT_TIMEOUT
	errDeadlock       = 1213 // ER_LOCK_DEADLOCK
	errLockNowait     = 3572 // ER_LOCK_NOWAIT
)

// serverStates are the errors that say what state the server is in, and nothing of the
// statement: any statement may get them, and the same one succeeds later. This is the
// only list; failure.Problem responds to them with 503 and Retry-After.
var serverStates = map[uint16]serverState{
	// Read only: a replica, or a primary while it fails over.
	1290: {refused: true}, // ER_OPTION_PREVENTS_STATEMENT: --read-only, --super-read-only
	1792: {refused: true}, // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
	1836: {refused: true}, // ER_READ_ONLY_MODE
	// Full disk.
	3:    {onlyIf: noSpace}, // EE_WRITE
	1021: {},                // ER_DISK_FULL
	1026: {onlyIf: noSpace}, // ER_ERROR_ON_WRITE
	1030: {onlyIf: noSpace}, // ER_GET_ERRNO
	1114: {},                // ER_RECORD_FILE_FULL
	// Too many connections, or too much of something else.
	1040: {}, // ER_CON_COUNT_ERROR
	1041: {}, // ER_OUT_OF_RESOURCES
	1129: {}, // ER_HOST_IS_BLOCKED
	1135: {}, // ER_CANT_CREATE_THREAD
	1203: {}, // ER_TOO_MANY_USER_CONNECTIONS
	1226: {}, // ER_USER_LIMIT_REACHED
	// Starting, stopping, or ending connections.
	1053: {}, // ER_SERVER_SHUTDOWN
	1927: {}, // ER_CONNECTION_KILLED, MariaDB's
	3168: {}, // ER_SERVER_ISNT_AVAILABLE
	4031: {}, // ER_CLIENT_INTERACTION_TIMEOUT
}

type serverState struct {
	// onlyIf is what the server's message must contain, when the number alone says
	// less.
	onlyIf string
	// refused is true if the error of a COMMIT says that nothing was committed.
	refused bool
}

// noSpace is the text of ENOSPC in the server's messages.
const noSpace = "No space left on device"

func serverStateOf(err error) (serverState, bool) {
	server, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		return serverState{}, false
	}
	state, known := serverStates[server.Number]
	return state, known && strings.Contains(server.Message, state.onlyIf)
}

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

// isLockConflict reports whether err ended a transaction for another's sake.
func isLockConflict(err error) bool {
	switch serverErrorNumber(err) {
	case errLockWait, errDeadlock, errLockNowait:
		return true
	}
	return false
}

// IsUnavailable reports whether err is the server's state and not the statement's
// error: the server cannot be reached, does not respond, is read-only, has no disk
// space or no free connection, or had no time for a transaction however often it was
// tried. A transaction that failed so had no effect and may succeed when it is sent
// again: a commit with an unknown outcome is not among them. Of a statement outside of
// a transaction only the response may be lost.
//
// A batch of work should stop at such an error: each further item would fail as well.
func IsUnavailable(err error) bool {
	state, isState := serverStateOf(err)
	if _, atCommit := errors.AsType[*commitError](err); atCommit {
		return state.refused
	}
	if isState || isConnectionLost(err) || isLockConflict(err) || errors.Is(err, errTimeout) {
		return true
	}
	_, onTheWay := errors.AsType[*net.OpError](err)
	_, byName := errors.AsType[*net.DNSError](err)
	return onTheWay || byName
}

// isConnectionLost reports whether err ended the connection.
func isConnectionLost(err error) bool {
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn)
}

func serverErrorNumber(err error) uint16 {
	if server, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return server.Number
	}
	return 0
}
