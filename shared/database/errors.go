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
	var server *mysql.MySQLError
	if !errors.As(err, &server) || server.Number != errDuplicateEntry {
		return ""
	}
	_, key, _ := cutLast(server.Message, " for key '")
	key = strings.TrimSuffix(key, "'")
	if _, name, qualified := cutLast(key, "."); qualified {
		return name
	}
	return key
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
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
	var server *mysql.MySQLError
	if errors.As(err, &server) {
		return server.Number
	}
	return 0
}
