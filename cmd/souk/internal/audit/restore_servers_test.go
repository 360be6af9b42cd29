package audit_test

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"souk/emulators/mysql"
	"souk/shared/database"
)

// logServer is a private server with binary logs, and its clients' programs.
type logServer struct {
	url database.URL // of the administrator
	dir string       // of its data
}

func mustStartServer(t *testing.T, id int) *logServer {
	t.Helper()
	state := t.TempDir()
	server, err := mysql.Start(t.Context(), mysql.Options{StateDir: state, ServerID: id, Throwaway: true, NoInstall: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // the test's context has ended
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	if server.Kind != "MariaDB" {
		t.Skipf("NOT CHECKED: a restore to a point in time. The server is %s, the programs are MariaDB's", server.Kind)
	}
	return &logServer{server.AdminURL(), filepath.Join(state, "mysql", "data")}
}

// mustOpen returns a pool for a database of the server.
func (s *logServer) mustOpen(t *testing.T, name string) *sql.DB {
	t.Helper()
	cfg, err := database.ParseURL(string(s.url))
	if err != nil {
		t.Fatal(err)
	}
	cfg.DBName = name
	connector, err := database.Connector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// mustRun runs a client's program as the administrator, and returns what it prints.
func (s *logServer) mustRun(t *testing.T, input io.Reader, program string, args ...string) []byte {
	t.Helper()
	cfg, err := database.ParseURL(string(s.url))
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		t.Fatal(err)
	}
	login := []string{"--no-defaults", "--host=" + host, "--port=" + port, "--user=" + cfg.User}
	return mustOutput(t, input, []string{"MYSQL_PWD=" + cfg.Passwd}, program, slices.Concat(login, args)...)
}

// dumpedAt is the comment of --master-data in a dump.
var dumpedAt = regexp.MustCompile(`-- CHANGE MASTER TO MASTER_LOG_FILE='([^']+)', MASTER_LOG_POS=(\d+);`)

// mustReadLogs returns what was changed between a dump and a second, UTC, as statements.
func (s *logServer) mustReadLogs(t *testing.T, dump []byte, until time.Time) []byte {
	t.Helper()
	from := dumpedAt.FindSubmatch(dump)
	if from == nil {
		t.Fatal("the dump has no position in the binary log")
	}
	logs, err := filepath.Glob(filepath.Join(s.dir, "binlog.[0-9]*"))
	if err != nil {
		t.Fatal(err)
	}
	first := slices.Index(logs, filepath.Join(s.dir, string(from[1])))
	if first < 0 {
		t.Fatalf("the dump begins in %s, and the logs are %q", from[1], logs)
	}
	args := append([]string{"--no-defaults", "--start-position=" + string(from[2]), "--stop-datetime=" + until.Format(time.DateTime)}, logs[first:]...)
	return mustOutput(t, nil, []string{"TZ=UTC"}, "mariadb-binlog", args...)
}

func mustOutput(t *testing.T, input io.Reader, environment []string, program string, args ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, args...)
	var output, errors bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = input, &output, &errors
	command.Env = append(command.Environ(), environment...)
	if err := command.Run(); err != nil {
		t.Fatalf("%s: %v: %s", program, err, errors.Bytes())
	}
	return output.Bytes()
}

// mustReadDatabaseName returns the name of a pool's database.
func mustReadDatabaseName(t *testing.T, db *sql.DB) (name string) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), `SELECT DATABASE()`).Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}
