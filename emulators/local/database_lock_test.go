package local

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"souk/emulators/mysql"
	"souk/shared/database"
	"souk/shared/dbtest"
)

// mustLock locks the databases of a prefix. The channel receives the error if the lock is lost.
func mustLock(t *testing.T, server database.URL, prefix string) (*databaseLock, <-chan error) {
	t.Helper()
	lost := make(chan error, 1)
	l, err := lockDatabases(t.Context(), server, prefix, slog.New(slog.DiscardHandler), func(err error) { lost <- err })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.release(); err != nil {
			t.Error(err)
		}
	})
	return l, lost
}

func requireInUse(t *testing.T, err error) {
	t.Helper()
	var advice *Advice
	if !errors.As(err, &advice) || !strings.Contains(err.Error(), "another system uses the databases") {
		t.Errorf("error = %v, want one that another system uses the databases", err)
	}
}

// owner returns the id of the connection that has a lock, 0 if it is free.
func owner(t *testing.T, db *sql.DB, l *databaseLock) int64 {
	t.Helper()
	var id sql.NullInt64
	if err := db.QueryRowContext(t.Context(), `SELECT IS_USED_LOCK(?)`, l.name).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id.Int64
}

func mustKill(t *testing.T, db *sql.DB, id int64) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), `KILL CONNECTION ?`, id); err != nil {
		t.Fatal(err)
	}
}

func TestDatabaseLock(t *testing.T) {
	t.Parallel()
	server := dbtest.URL(t)
	db := dbtest.New(t).SQL()
	prefix := func() string { return "lock_" + strings.ToLower(rand.Text()[:8]) }

	t.Run("a second system is rejected until the first releases the lock", func(t *testing.T) {
		t.Parallel()
		name, log := prefix(), slog.New(slog.DiscardHandler)
		first, err := lockDatabases(t.Context(), server, name, log, func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		_, err = lockDatabases(t.Context(), server, name, log, func(error) {})
		requireInUse(t, err)
		if err := first.release(); err != nil {
			t.Fatal(err)
		}
		mustLock(t, server, name)
	})
	t.Run("a lock is acquired again after its connection was closed", func(t *testing.T) {
		t.Parallel()
		l, lost := mustLock(t, server, prefix())
		first := owner(t, db, l)
		mustKill(t, db, first)
		waitFor(t, "another connection has the lock", func() bool {
			now := owner(t, db, l)
			return now != 0 && now != first
		})
		select {
		case err := <-lost:
			t.Errorf("the lock was lost: %v", err)
		default:
		}
	})
	t.Run("a system is notified if another one has acquired the lock", func(t *testing.T) {
		t.Parallel()
		l, lost := mustLock(t, server, prefix())
		other, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		got := make(chan error, 1)
		first := owner(t, db, l)
		go func() { // it waits for the lock, so that it acquires it before the first system
			var acquired int
			got <- other.QueryRowContext(t.Context(), `SELECT GET_LOCK(?, 60)`, l.name).Scan(&acquired)
		}()
		waitFor(t, "the other connection waits for the lock", func() bool {
			var waiting int
			err := db.QueryRowContext(t.Context(),
				`SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User lock' AND INFO LIKE CONCAT('%', ?, '%') AND ID <> CONNECTION_ID()`, l.name).Scan(&waiting)
			return err == nil && waiting > 0
		})
		mustKill(t, db, first)
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		requireInUse(t, <-lost)
	})
}

// TestDatabaseLockAfterRestart kills the server: the system that had the lock acquires it
// again, and another one that starts at the same time is rejected.
func TestDatabaseLockAfterRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := mysql.Start(t.Context(), mysql.Options{StateDir: dir, Supervise: true, NoInstall: true})
	if errors.Is(err, mysql.ErrNoServer) {
		t.Skip("no server available: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	_, lost := mustLock(t, server.AdminURL(), "")
	raw, err := os.ReadFile(filepath.Join(dir, "mysql", "server.json"))
	if err != nil {
		t.Fatal(err)
	}
	var process struct{ PID int }
	if err := json.Unmarshal(raw, &process); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(process.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the second system acquires the lock or is rejected", func() bool {
		_, err = lockDatabases(t.Context(), server.AdminURL(), "", slog.New(slog.DiscardHandler), func(error) {})
		var advice *Advice
		return err == nil || errors.As(err, &advice)
	})
	requireInUse(t, err)
	select {
	case err := <-lost:
		t.Errorf("the first system lost the lock: %v", err)
	default:
	}
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("timeout: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
