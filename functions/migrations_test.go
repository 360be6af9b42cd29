package functions_test

import (
	"bufio"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"souk/functions"
	"souk/shared/database"
	"souk/shared/database/migration"
	"souk/shared/dbtest"
	"souk/shared/function"
)

// migrations returns all migrations of a service's database.
func migrations(service string) []database.Migrations {
	return append(function.Migrations(), services[service].Migrations)
}

// migrate applies the migrations of a service to a database, as its process does.
func migrate(t testing.TB, url database.URL, service string) error {
	t.Helper()
	db, err := database.Open(database.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return migration.Apply(t.Context(), db.SQL(), migrations(service)...)
}

var increment = regexp.MustCompile(` AUTO_INCREMENT=\d+`)

// mustReadSchema returns the statement that creates each table, and the recorded versions.
func mustReadSchema(t testing.TB, url database.URL) map[string]string {
	t.Helper()
	db := mustOpenDatabase(t, url)
	schema := map[string]string{}
	for _, table := range mustReadStrings(t, db, `SHOW TABLES`) {
		var name, statement string
		if err := db.QueryRowContext(t.Context(), "SHOW CREATE TABLE `"+table+"`").Scan(&name, &statement); err != nil {
			t.Fatal(err)
		}
		schema[table] = increment.ReplaceAllString(statement, "")
		if strings.HasSuffix(table, "_migration") {
			versions := mustReadStrings(t, db, "SELECT version_id FROM `"+table+"` WHERE is_applied ORDER BY version_id")
			schema[table+" versions"] = strings.Join(versions, " ")
		}
	}
	return schema
}

func mustOpenDatabase(t testing.TB, url database.URL) *sql.DB {
	t.Helper()
	db, err := database.Open(database.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.SQL()
}

func mustReadStrings(t testing.TB, db *sql.DB, query string) (values []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}

func requireSchema(t testing.TB, url database.URL, want map[string]string) {
	t.Helper()
	got := mustReadSchema(t, url)
	if maps.Equal(got, want) {
		return
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s is\n%s\nwant\n%s", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("the tables are %q, want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// TestInterruptedMigrations interrupts a migrator at every statement of every migration, and
// restarts it each time. It must complete, with the schema of an uninterrupted one.
func TestInterruptedMigrations(t *testing.T) {
	t.Parallel()
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			url := dbtest.Create(t)
			interrupter := dbtest.NewInterrupter(dbtest.CutAfter)
			proxy := dbtest.NewProxy(t, url, interrupter.Decide)
			for interrupted := true; interrupted; {
				err := migrate(t, proxy.URL, service)
				if interrupted = interrupter.Again(); !interrupted && err != nil {
					t.Fatalf("after %d interruptions: %v", interrupter.Count(), err)
				}
			}
			// Each file has a statement and a version.
			if want := 2 * countFiles(t, url, service); interrupter.Count() < want {
				t.Errorf("interrupted %d times, want %d or more", interrupter.Count(), want)
			}
			requireSchema(t, url, mustReadSchema(t, dbtest.Create(t, migrations(service)...)))
		})
	}
}

func countFiles(t testing.TB, url database.URL, service string) (n int) {
	t.Helper()
	db := mustOpenDatabase(t, url)
	for _, set := range migrations(service) {
		if set.FS == nil {
			continue
		}
		n += len(mustReadStrings(t, db, "SELECT version_id FROM `"+set.Name+"_migration` WHERE version_id > 0"))
	}
	return n
}

// migrateEnv and migrateURLEnv name the service and the database that TestMigrateHelper
// migrates.
const (
	migrateEnv    = "SOUK_TEST_MIGRATE"
	migrateURLEnv = "SOUK_TEST_MIGRATE_URL"
)

// TestMigrateHelper is the process that TestKilledMigrations kills.
func TestMigrateHelper(t *testing.T) {
	service := os.Getenv(migrateEnv)
	if service == "" {
		t.Skip("TestKilledMigrations starts this test")
	}
	if err := migrate(t, database.URL(os.Getenv(migrateURLEnv)), service); err != nil {
		t.Fatal(err)
	}
}

// TestKilledMigrations sends SIGKILL to processes that migrate, at various statements.
func TestKilledMigrations(t *testing.T) {
	t.Parallel()
	const service = "user"
	want := mustReadSchema(t, dbtest.Create(t, migrations(service)...))
	for _, at := range []int{1, 3, 8, 21} {
		t.Run(fmt.Sprintf("killed at statement %d", at), func(t *testing.T) {
			t.Parallel()
			url := dbtest.Create(t)
			reached := make(chan struct{})
			n := 0
			proxy := dbtest.NewProxy(t, url, func(statement string) dbtest.Fate {
				if !dbtest.Changes(statement) {
					return dbtest.Pass
				}
				if n++; n == at {
					close(reached)
					return dbtest.RunThenHang // the server executes it although the process is killed
				}
				return dbtest.Pass
			})
			command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMigrateHelper$")
			command.Env = append(os.Environ(), migrateEnv+"="+service, migrateURLEnv+"="+string(proxy.URL))
			output, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			<-reached
			if err := command.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			for scanner := bufio.NewScanner(output); scanner.Scan(); {
			}
			if err := command.Wait(); err == nil {
				t.Fatal("the process was not killed")
			}
			if err := migrate(t, url, service); err != nil {
				t.Fatal(err)
			}
			requireSchema(t, url, want)
		})
	}
}
