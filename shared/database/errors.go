package database

import (
	"database/sql/driver"
	"errors"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Server errors that this package distinguishes, from
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and
// https://mariadb.com/docs/server/reference/error-codes.
const (
	errDuplicateEntry = 1062 // ER_DUP_ENTRY
	errLockWait       = 1205 // ER_LOCK_WAIT_TIMEOUT
	errDeadlock       = 1213 // ER_LOCK_DEADLOCK
	errLockNowait     = 3572 // ER_LOCK_NOWAIT
)

// serverStates are the errors that depend on the state of the server and not on the
// statement: any statement may get them and succeed later. This is the only list;
// failure.ProblemFromError responds to them with 503 and Retry-After.
var serverStates = map[uint16]serverState{
	// Read only: a replica, or a primary during a failover.
	1290: {refused: true}, // ER_OPTION_PREVENTS_STATEMENT: --read-only, --super-read-only
	1792: {refused: true}, // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
	1836: {refused: true}, // ER_READ_ONLY_MODE
	// Full disk.
	3:    {onlyIf: noSpace}, // EE_WRITE
	1021: {},                // ER_DISK_FULL
	1026: {onlyIf: noSpace}, // ER_ERROR_ON_WRITE
	1030: {onlyIf: noSpace}, // ER_GET_ERRNO
	1114: {},                // ER_RECORD_FILE_FULL
	// Exhausted resources, such as connections.
	1040: {}, // ER_CON_COUNT_ERROR
	1041: {}, // ER_OUT_OF_RESOURCES
	1129: {}, // ER_HOST_IS_BLOCKED
	1135: {}, // ER_CANT_CREATE_THREAD
	1203: {}, // ER_TOO_MANY_USER_CONNECTIONS
	1226: {}, // ER_USER_LIMIT_REACHED
	// Starting, stopping, or closing connections.
	1053: {}, // ER_SERVER_SHUTDOWN
	1927: {}, // ER_CONNECTION_KILLED, MariaDB's
	3168: {}, // ER_SERVER_ISNT_AVAILABLE
	4031: {}, // ER_CLIENT_INTERACTION_TIMEOUT
}

type serverState struct {
	// onlyIf is a text that the server's message must contain, if the number is ambiguous.
	onlyIf string
	// refused is true if the error of a COMMIT means that nothing was committed.
	refused bool
}

// noSpace is the text of ENOSPC in the server's messages.
const noSpace = "No space left on device"

func findServerState(err error) (serverState, bool) {
	server, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		return serverState{}, false
	}
	state, ok := serverStates[server.Number]
	return state, ok && strings.Contains(server.Message, state.onlyIf)
}

// IsDuplicate reports whether err is a violation of a primary or unique key.
func IsDuplicate(err error) bool {
	return ServerErrorNumber(err) == errDuplicateEntry
}

// DuplicateKey returns the name of the key that err violates, without the table that MySQL
// puts before it. It is PRIMARY for the primary key, and empty for other errors.
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

// IsLocked reports whether err is the error of a statement that found a row locked by another
// transaction. For a statement with NOWAIT the number is 3572 in MySQL and 1205 in MariaDB.
func IsLocked(err error) bool {
	number := ServerErrorNumber(err)
	return number == errLockNowait || number == errLockWait
}

// IsCommitUnknown reports whether err is the error of a transaction that may have been
// committed: the connection ended before the response to COMMIT.
func IsCommitUnknown(err error) bool {
	_, atCommit := errors.AsType[*commitError](err)
	return atCommit
}

// isLockConflict reports whether a transaction failed because of another one's locks.
func isLockConflict(err error) bool {
	switch ServerErrorNumber(err) {
	case errLockWait, errDeadlock, errLockNowait:
		return true
	}
	return false
}

// IsUnavailable reports whether err is due to the state of the server and not to the
// statement: the server cannot be reached, does not respond, is read-only, has no disk space
// or no free connection, or a transaction failed because of locks in every try. Such a
// transaction had no effect and may succeed later; a commit with an unknown outcome does not
// count. A statement outside of a transaction may have taken effect.
//
// A batch of work should stop at such an error, because further items would fail too.
func IsUnavailable(err error) bool {
	state, isState := findServerState(err)
	if _, atCommit := errors.AsType[*commitError](err); atCommit {
		return state.refused
	}
	if isState || isConnectionLost(err) || isLockConflict(err) || errors.Is(err, errTimeout) || errors.Is(err, ErrPoolExhausted) {
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

// ServerErrorNumber returns the number of an error that the server sent, or 0:
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html.
func ServerErrorNumber(err error) uint16 {
	if server, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return server.Number
	}
	return 0
}
