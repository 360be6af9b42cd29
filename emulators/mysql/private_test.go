package mysql_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"souk/emulators/mysql"
	"souk/shared/database"
)

// lastRun reads the state of the server's last run.
func lastRun(t *testing.T, dir string) (run struct{ Port, PID int }) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "mysql", "server.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &run); err != nil {
		t.Fatal(err)
	}
	return run
}

// TestPrivateServer runs one state folder through its lifecycle.
func TestPrivateServer(t *testing.T) {
	needsProgram(t)
	t.Parallel()
	dir := t.TempDir()
	server := mustStart(t, mysql.Options{StateDir: dir})
	db := mustOpen(t, server.AdminURL())
	port := lastRun(t, dir).Port

	t.Run("kind and version are those of the server", func(t *testing.T) {
		if version := mustQuery[string](t, db, `SELECT VERSION()`); !strings.HasPrefix(version, server.Version) ||
			strings.Contains(version, "MariaDB") != (server.Kind == "MariaDB") {
			t.Errorf("server = %s %s, version of the server %s", server.Kind, server.Version, version)
		}
		if !server.Private {
			t.Error("Private = false, want true")
		}
	})
	t.Run("there are enough connections for every function's pool", func(t *testing.T) {
		if n := mustQuery[int](t, db, `SELECT @@max_connections`); n < 300 {
			t.Errorf("max_connections = %d, want 300 or more", n)
		}
	})
	t.Run("every login needs the password", func(t *testing.T) {
		rows, err := db.QueryContext(t.Context(), `SELECT User, Host FROM mysql.user`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var user, host string
			if err := rows.Scan(&user, &host); err != nil {
				t.Fatal(err)
			}
			cfg, err := database.ParseURL("mysql://x@127.0.0.1:" + strconv.Itoa(port) + "/")
			if err != nil {
				t.Fatal(err)
			}
			cfg.User = user
			open := mustOpen(t, database.FormatURL(cfg))
			if err := open.PingContext(t.Context()); err == nil {
				t.Errorf("%q@%q needs no password", user, host)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, "mysql", "root-password"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the password's file has mode %v, error %v; want 0600", info.Mode(), err)
		}
	})
	t.Run("a second start in the folder is rejected", func(t *testing.T) {
		_, err := mysql.Start(t.Context(), mysql.Options{StateDir: dir})
		if err == nil || !strings.Contains(err.Error(), "another souk is running") {
			t.Errorf("a second start: %v", err)
		}
	})
	t.Run("committed data survives kill -9", func(t *testing.T) {
		mustExec(t, db, `CREATE DATABASE stored`)
		mustExec(t, db, `CREATE TABLE stored.thing (id INT PRIMARY KEY)`)
		mustExec(t, db, `INSERT INTO stored.thing VALUES (1)`)
		if err := syscall.Kill(lastRun(t, dir).PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-server.Done()
		mustStop(t, server)
		server = mustStart(t, mysql.Options{StateDir: dir})
		db = mustOpen(t, server.AdminURL())
		if n := mustQuery[int](t, db, `SELECT COUNT(*) FROM stored.thing`); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	})
	t.Run("the port stays the same", func(t *testing.T) {
		if again := lastRun(t, dir).Port; again != port {
			t.Errorf("the port was %d and is %d", port, again)
		}
	})
	t.Run("a port in use is replaced by another", func(t *testing.T) {
		mustStop(t, server)
		select {
		case <-server.Done():
		default:
			t.Error("Done is not closed after Stop")
		}
		taker, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		defer taker.Close()
		server = mustStart(t, mysql.Options{StateDir: dir})
		if again := lastRun(t, dir).Port; again == port {
			t.Errorf("the server uses port %d, which is in use", again)
		}
		if n := mustQuery[int](t, mustOpen(t, server.AdminURL()), `SELECT COUNT(*) FROM stored.thing`); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	})
}

// TestSoukKilled kills a souk with a running server and starts the next at once.
func TestSoukKilled(t *testing.T) {
	needsProgram(t)
	t.Parallel()
	dir := t.TempDir()
	helper := exec.CommandContext(t.Context(), os.Args[0])
	helper.Env = append(os.Environ(), helperEnv+"="+dir)
	output, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || line != "ready\n" {
		t.Fatalf("the other souk prints %q, error %v", line, err)
	}
	previous := lastRun(t, dir)
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := helper.Wait(); err == nil {
		t.Fatal("the other souk ended by itself")
	}

	server := mustStart(t, mysql.Options{StateDir: dir})
	if now := lastRun(t, dir); now.PID == previous.PID || now.Port != previous.Port {
		t.Errorf("server %d on port %d follows server %d on port %d; want another process on the same port",
			now.PID, now.Port, previous.PID, previous.Port)
	}
	if n := mustQuery[int](t, mustOpen(t, server.AdminURL()), `SELECT 1`); n != 1 {
		t.Error("SELECT 1 returned another value")
	}
}

func TestInterruptedInitialization(t *testing.T) {
	needsProgram(t)
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := mysql.Start(ctx, mysql.Options{StateDir: dir, Progress: func(line string) {
		if strings.HasPrefix(line, "Initializing the database") {
			cancel()
		}
	}})
	if err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Fatalf("error = %v, want context.Canceled", err)
	}
	// The state after kill -9.
	partial := filepath.Join(dir, "mysql", "data.new-1", "mysql")
	if err := os.MkdirAll(partial, 0o700); err != nil {
		t.Fatal(err)
	}
	mustStart(t, mysql.Options{StateDir: dir, Throwaway: true})
	if unfinished, err := filepath.Glob(filepath.Join(dir, "mysql", "data.new-*")); err != nil || len(unfinished) > 0 {
		t.Errorf("unfinished folders: %q, error %v", unfinished, err)
	}
}

// TestOddFolders starts servers in folders with names that have a special meaning for
// shells, scripts or the server's own options.
func TestOddFolders(t *testing.T) {
	needsProgram(t)
	t.Parallel()
	names := []string{"two words", `it's "quoted" $HOME; & *[x]\ ü 商店 -- =`}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), name)
			mustStop(t, mustStart(t, mysql.Options{StateDir: dir, Throwaway: true}))
			again := mustStart(t, mysql.Options{StateDir: dir, Throwaway: true}) // with the existing data
			db := mustOpen(t, again.AdminURL())
			if n := mustQuery[int](t, db, `SELECT COUNT(*) FROM (SELECT DISTINCT TABLE_NAME FROM information_schema.TABLES) names`); n == 0 {
				t.Error("the server has no tables")
			}
		})
	}
}

func TestBrokenFolders(t *testing.T) {
	needsProgram(t)
	t.Parallel()
	write := func(t *testing.T, dir, name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name, file, text string
		want             []string
	}{
		{"created by another kind of server", "mysql/data/souk-made-by.json", `{"kind":"Oracle","version":"8.1"}`, []string{"Oracle 8.1", "move"}},
		{"created in a container", "mysql/docker-data/x", "", []string{"Docker container", "move"}},
		{"not created by souk", "mysql/data/x", "", []string{"not created by Souk", "move it away"}},
		{"a file in place of the folder", "mysql", "", []string{"not a directory"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, tc.file, tc.text)
			_, err := mysql.Start(t.Context(), mysql.Options{StateDir: dir})
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error = %v, want one with %q", err, want)
				}
			}
		})
	}
	t.Run("the error of a server that ends quotes its log", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		mustStop(t, mustStart(t, mysql.Options{StateDir: dir, Throwaway: true}))
		write(t, dir, "mysql/data/ibdata1", "garbage")
		_, err := mysql.Start(t.Context(), mysql.Options{StateDir: dir})
		if err == nil || !strings.Contains(err.Error(), "ibdata1") || !strings.Contains(err.Error(), "error.log") {
			t.Errorf("error = %v, want one with the server's log about ibdata1", err)
		}
	})
}
