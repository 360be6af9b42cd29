package mysql_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"souk/emulators/mysql"
)

// mustKill kills the server's process, and returns its id.
func mustKill(t *testing.T, dir string) int {
	t.Helper()
	pid := lastRun(t, dir).PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestSupervise(t *testing.T) {
	needsProgram(t)
	t.Parallel()
	dir := t.TempDir()
	server := mustStart(t, mysql.Options{StateDir: dir, Supervise: true})
	db := mustOpen(t, server.AdminURL())
	mustExec(t, db, `CREATE DATABASE stored`)
	mustExec(t, db, `CREATE TABLE stored.thing (id INT PRIMARY KEY)`)
	port := lastRun(t, dir).Port

	t.Run("a killed server is restarted on its port with the committed data", func(t *testing.T) {
		for kill := range 3 {
			mustExec(t, db, "INSERT INTO stored.thing VALUES ("+string(rune('0'+kill))+")")
			killed := mustKill(t, dir)
			waitUntil(t, "another process accepts statements", func() bool {
				return lastRun(t, dir).PID != killed && db.PingContext(t.Context()) == nil
			})
			if n := mustQuery[int](t, db, `SELECT COUNT(*) FROM stored.thing`); n != kill+1 {
				t.Errorf("%d rows after %d kills, want %d", n, kill+1, kill+1)
			}
		}
		if again := lastRun(t, dir).Port; again != port {
			t.Errorf("the port was %d and is %d", port, again)
		}
		select {
		case <-server.Done():
			t.Error("Done is closed")
		default:
		}
	})
	t.Run("a stopped server stays stopped", func(t *testing.T) {
		mustStop(t, server)
		<-server.Done()
		if err := server.Err(); err != nil {
			t.Error(err)
		}
		if err := db.PingContext(t.Context()); err == nil {
			t.Error("the server accepts connections")
		}
		mustStop(t, server)
	})
}

func TestSuperviseStopsAfterFailures(t *testing.T) {
	needsProgram(t)
	t.Parallel()
	dir := t.TempDir()
	server := mustStart(t, mysql.Options{StateDir: dir, Throwaway: true, Supervise: true})
	if err := os.WriteFile(filepath.Join(dir, "mysql", "data", "ibdata1"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustKill(t, dir)
	<-server.Done()
	if err := server.Err(); err == nil || !strings.Contains(err.Error(), "not restarted") || !strings.Contains(err.Error(), "ibdata1") {
		t.Errorf("error = %v, want one with the number of failures and the cause", err)
	}
}

func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("timeout: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
