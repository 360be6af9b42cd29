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

// mustClaim claims the databases of a prefix; what is lost comes over the channel.
func mustClaim(t *testing.T, server database.URL, prefix string) (*claim, <-chan error) {
	t.Helper()
	lost := make(chan error, 1)
	c, err := takeClaim(t.Context(), server, prefix, slog.New(slog.DiscardHandler), func(err error) { lost <- err })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.release(); err != nil {
			t.Error(err)
		}
	})
	return c, lost
}

func mustBeTaken(t *testing.T, err error) {
	t.Helper()
	var advice *Advice
	if !errors.As(err, &advice) || !strings.Contains(err.Error(), "another system uses the databases") {
		t.Errorf("got %v, want that another system uses the databases", err)
	}
}

// owner returns the connection that has a claim, 0 for none.
func owner(t *testing.T, db *sql.DB, c *claim) int64 {
	t.Helper()
	var id sql.NullInt64
	if err := db.QueryRowContext(t.Context(), `SELECT IS_USED_LOCK(?)`, c.name).Scan(&id); err != nil {
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

func TestClaim(t *testing.T) {
	t.Parallel()
	server := dbtest.URL(t)
	db := dbtest.New(t).SQL()
	prefix := func() string { return "claim_" + strings.ToLower(rand.Text()[:8]) }

	t.Run("a second system is refused, until the first releases the databases", func(t *testing.T) {
		t.Parallel()
		name, log := prefix(), slog.New(slog.DiscardHandler)
		first, err := takeClaim(t.Context(), server, name, log, func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		_, err = takeClaim(t.Context(), server, name, log, func(error) {})
		mustBeTaken(t, err)
		if err := first.release(); err != nil {
			t.Fatal(err)
		}
		mustClaim(t, server, name)
	})
	t.Run("a claim whose connection was cut is taken again", func(t *testing.T) {
		t.Parallel()
		c, lost := mustClaim(t, server, prefix())
		first := owner(t, db, c)
		mustKill(t, db, first)
		waitFor(t, "another connection has the claim", func() bool {
			now := owner(t, db, c)
			return now != 0 && now != first
		})
		select {
		case err := <-lost:
			t.Errorf("it was lost: %v", err)
		default:
		}
	})
	t.Run("a system whose databases another one has taken meanwhile stops", func(t *testing.T) {
		t.Parallel()
		c, lost := mustClaim(t, server, prefix())
		other, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		got := make(chan error, 1)
		first := owner(t, db, c)
		go func() { // it waits for the lock, so that it has it before the first is back
			var taken int
			got <- other.QueryRowContext(t.Context(), `SELECT GET_LOCK(?, 60)`, c.name).Scan(&taken)
		}()
		waitFor(t, "the other waits for the lock", func() bool {
			var waiting int
			err := db.QueryRowContext(t.Context(),
				`SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User lock' AND INFO LIKE CONCAT('%', ?, '%') AND ID <> CONNECTION_ID()`, c.name).Scan(&waiting)
			return err == nil && waiting > 0
		})
		mustKill(t, db, first)
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		mustBeTaken(t, <-lost)
	})
}

// TestClaimAfterRestart kills the server: the system that had the databases has them
// again, and another one that starts at once does not.
func TestClaimAfterRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := mysql.Start(t.Context(), mysql.Options{StateDir: dir, Supervise: true, NoInstall: true})
	if errors.Is(err, mysql.ErrNoServer) {
		t.Skip("there is no server to kill: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	_, lost := mustClaim(t, server.AdminURL(), "")
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
	waitFor(t, "the server lets the second system in, or refuses it", func() bool {
		_, err = takeClaim(t.Context(), server.AdminURL(), "", slog.New(slog.DiscardHandler), func(error) {})
		var advice *Advice
		return err == nil || errors.As(err, &advice)
	})
	mustBeTaken(t, err)
	select {
	case err := <-lost:
		t.Errorf("the first system lost its databases: %v", err)
	default:
	}
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("it never became true: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
