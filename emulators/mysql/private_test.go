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

// lastRun is what the state folder says about the server's last run.
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

// TestPrivateServer follows one state folder through its life.
func TestPrivateServer(t *testing.T) {
	needsProgram(t)
	t.Parallel()
	dir := t.TempDir()
	server := MustStart(t, mysql.Options{StateDir: dir})
	db := MustOpen(t, server.AdminURL())
	port := lastRun(t, dir).Port

	t.Run("says what it is", func(t *testing.T) {
		if version := MustQuery[string](t, db, `SELECT VERSION()`); !strings.HasPrefix(version, server.Version) ||
			strings.Contains(version, "MariaDB") != (server.Kind == "MariaDB") {
			t.Errorf("it says %s %s and is %s", server.Kind, server.Version, version)
		}
		if !server.Private {
			t.Error("it is not said to be private")
		}
	})
	t.Run("has room for every function's pool", func(t *testing.T) {
		if n := MustQuery[int](t, db, `SELECT @@max_connections`); n < 300 {
			t.Errorf("it takes %d connections, want 300 or more", n)
		}
	})
	t.Run("lets nobody in without the password", func(t *testing.T) {
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
			open := MustOpen(t, database.FormatURL(cfg))
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
	t.Run("keeps its folder to itself", func(t *testing.T) {
		_, err := mysql.Start(t.Context(), mysql.Options{StateDir: dir})
		if err == nil || !strings.Contains(err.Error(), "another souk is running") {
			t.Errorf("a second start: %v", err)
		}
	})
	t.Run("keeps what was committed through kill -9", func(t *testing.T) {
		MustExec(t, db, `CREATE DATABASE kept`)
		MustExec(t, db, `CREATE TABLE kept.thing (id INT PRIMARY KEY)`)
		MustExec(t, db, `INSERT INTO kept.thing VALUES (1)`)
		if err := syscall.Kill(lastRun(t, dir).PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-server.Done()
		MustStop(t, server)
		server = MustStart(t, mysql.Options{StateDir: dir})
		db = MustOpen(t, server.AdminURL())
		if n := MustQuery[int](t, db, `SELECT COUNT(*) FROM kept.thing`); n != 1 {
			t.Errorf("%d rows are left, want 1", n)
		}
	})
	t.Run("keeps its port", func(t *testing.T) {
		if again := lastRun(t, dir).Port; again != port {
			t.Errorf("the port was %d and is %d", port, again)
		}
	})
	t.Run("takes another port when its own is taken", func(t *testing.T) {
		MustStop(t, server)
		select {
		case <-server.Done():
		default:
			t.Error("it is stopped and not done")
		}
		taker, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		defer taker.Close()
		server = MustStart(t, mysql.Options{StateDir: dir})
		if again := lastRun(t, dir).Port; again == port {
			t.Errorf("it is on port %d, which is taken", again)
		}
		if n := MustQuery[int](t, MustOpen(t, server.AdminURL()), `SELECT COUNT(*) FROM kept.thing`); n != 1 {
			t.Errorf("%d rows are left, want 1", n)
		}
	})
}

// TestSoukKilled kills a souk whose server runs and starts the next at once.
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
		t.Fatalf("the other souk says %q, error %v", line, err)
	}
	left := lastRun(t, dir)
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := helper.Wait(); err == nil {
		t.Fatal("the other souk ended by itself")
	}

	server := MustStart(t, mysql.Options{StateDir: dir})
	if now := lastRun(t, dir); now.PID == left.PID || now.Port != left.Port {
		t.Errorf("server %d on port %d follows server %d on port %d; want another process on the same port",
			now.PID, now.Port, left.PID, left.Port)
	}
	if n := MustQuery[int](t, MustOpen(t, server.AdminURL()), `SELECT 1`); n != 1 {
		t.Error("it does not answer")
	}
}

func TestInterruptedInitialization(t *testing.T) {
	needsProgram(t)
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := mysql.Start(ctx, mysql.Options{StateDir: dir, Progress: func(line string) {
		if strings.HasPrefix(line, "Making") {
			cancel()
		}
	}})
	if err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Fatalf("got %v, want that it was cancelled", err)
	}
	// As kill -9 leaves it.
	half := filepath.Join(dir, "mysql", "data.new-1", "mysql")
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	MustStart(t, mysql.Options{StateDir: dir, Throwaway: true})
	if left, err := filepath.Glob(filepath.Join(dir, "mysql", "data.new-*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %q, error %v", left, err)
	}
}

// TestOddFolders starts servers in folders whose names shells, scripts and the server's
// own options give a meaning to.
func TestOddFolders(t *testing.T) {
	needsProgram(t)
	t.Parallel()
	names := []string{"two words", `it's "quoted" $HOME; & *[x]\ ü 商店 -- =`}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), name)
			MustStop(t, MustStart(t, mysql.Options{StateDir: dir, Throwaway: true}))
			again := MustStart(t, mysql.Options{StateDir: dir, Throwaway: true}) // on the data there is now
			db := MustOpen(t, again.AdminURL())
			if n := MustQuery[int](t, db, `SELECT COUNT(*) FROM (SELECT DISTINCT TABLE_NAME FROM information_schema.TABLES) names`); n == 0 {
				t.Error("it has no tables")
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
		says             []string
	}{
		{"made by another kind of server", "mysql/data/souk-made-by.json", `{"kind":"Oracle","version":"8.1"}`, []string{"Oracle 8.1", "move"}},
		{"made in a container", "mysql/docker-data/x", "", []string{"Docker container", "move"}},
		{"not made by souk", "mysql/data/x", "", []string{"not made by Souk", "move it away"}},
		{"a file in the folder's place", "mysql", "", []string{"not a directory"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, tc.file, tc.text)
			_, err := mysql.Start(t.Context(), mysql.Options{StateDir: dir})
			for _, want := range tc.says {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v does not say %q", err, want)
				}
			}
		})
	}
	t.Run("a server that ends says why, in its own words", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		MustStop(t, MustStart(t, mysql.Options{StateDir: dir, Throwaway: true}))
		write(t, dir, "mysql/data/ibdata1", "garbage")
		_, err := mysql.Start(t.Context(), mysql.Options{StateDir: dir})
		if err == nil || !strings.Contains(err.Error(), "ibdata1") || !strings.Contains(err.Error(), "error.log") {
			t.Errorf("error %v does not quote the server's log about ibdata1", err)
		}
	})
}
