package mysql_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souk/emulators/mysql"
	"souk/shared/database"
)

// helperEnv makes the test binary run as a souk that starts a server in the named folder
// and waits until it is killed.
const helperEnv = "SOUK_TEST_START_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperEnv); dir != "" {
		startAndHang(dir)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

func startAndHang(dir string) {
	_, err := mysql.Start(context.Background(), mysql.Options{StateDir: dir, Throwaway: true, NoInstall: true})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	select {}
}

// needsProgram skips a test of private servers if no server is installed. Other tests then
// use DATABASE_URL.
func needsProgram(t *testing.T) {
	t.Helper()
	for _, name := range []string{"mariadbd", "mysqld", "/usr/sbin/mariadbd", "/usr/sbin/mysqld"} {
		if _, err := exec.LookPath(name); err == nil {
			return
		}
	}
	t.Skip("no mysqld or mariadbd on this machine")
}

func mustStart(t *testing.T, o mysql.Options) *mysql.Server {
	t.Helper()
	o.NoInstall = true
	o.Progress = func(line string) { t.Log(line) }
	server, err := mysql.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustStop(t, server) })
	return server
}

// mustStop stops a server. Further calls have no effect.
func mustStop(t *testing.T, server *mysql.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := server.Stop(ctx); err != nil {
		t.Fatalf("stop: %v", err)
	}
}

// mustOpen returns a pool for url.
func mustOpen(t *testing.T, url database.URL) *sql.DB {
	t.Helper()
	cfg, err := database.ParseURL(string(url))
	if err != nil {
		t.Fatal(err)
	}
	connector, err := database.Connector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func mustExec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func mustQuery[T any](t *testing.T, db *sql.DB, query string) T {
	t.Helper()
	var value T
	if err := db.QueryRowContext(t.Context(), query).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}
