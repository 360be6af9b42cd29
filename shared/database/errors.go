package database

import (
	"errors"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Server errors this package tells apart, from
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html.
const (
	errDuplicateEntry = 1062 // ER_DUP_ENTRY
	errNoSuchTable    = 1146 // ER_NO_SUCH_TABLE
	errLockWait       = 1205 // ER_LOCK_WAIT_TIMEOUT
	errDeadlock       = 1213 // ER_LOCK_DEADLOCK
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

// isLockConflict reports whether err ended a transaction for another's sake.
func isLockConflict(err error) bool {
	switch serverErrorNumber(err) {
	case errLockWait, errDeadlock, errLockNowait:
		return true
	}
	return false
}

func serverErrorNumber(err error) uint16 {
	if server, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return server.Number
	}
	return 0
}
