package mysql_test

import (
	"testing"

	"souk/emulators/mysql"
)

// TestDurable checks that a durable server syncs each commit, in the binary log, too.
func TestDurable(t *testing.T) {
	needsProgram(t)
	t.Parallel()
	db := mustOpen(t, mustStart(t, mysql.Options{StateDir: t.TempDir(), Durable: true}).AdminURL())
	for _, variable := range []string{"innodb_flush_log_at_trx_commit", "sync_binlog", "log_bin"} {
		if value := mustQuery[int](t, db, `SELECT @@`+variable); value != 1 {
			t.Errorf("%s = %d, want 1", variable, value)
		}
	}
	if value := mustQuery[string](t, db, `SELECT @@innodb_doublewrite`); value != "1" && value != "ON" {
		t.Errorf("innodb_doublewrite = %s, want on", value)
	}
}
