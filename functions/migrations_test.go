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
	"souk/shared/dbtest"
	"souk/shared/function"
)

// migrations returns all that make a service's database.
func migrations(service string) []database.Migrations {
	return append(function.Migrations(), services[service].migrations)
}

// migrate brings the database at url up to date, as a process does.
func migrate(t testing.TB, url database.URL, service string) error {
	t.Helper()
	db, err := database.Open(database.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return database.Migrate(t.Context(), db.SQL(), migrations(service)...)
}

var increment = regexp.MustCompile(` AUTO_INCREMENT=\d+`)

// mustReadSchema returns how each table was created, and which versions are recorded.
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

func mustHaveSchema(t testing.TB, url database.URL, want map[string]string) {
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
		t.Errorf("there are %q, want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// TestInterruptedMigrations ends a migrator at every statement of every migration, and
// starts it again each time: it goes on, and the schema is that of one that was not
// interrupted.
func TestInterruptedMigrations(t *testing.T) {
	t.Parallel()
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			url := dbtest.Create(t)
			interrupter := dbtest.NewInterrupter(dbtest.CutAfter)
			proxy := dbtest.NewProxy(t, url, interrupter.Decide)
			for goesOn := true; goesOn; {
				err := migrate(t, proxy.URL, service)
				if goesOn = interrupter.Again(); !goesOn && err != nil {
					t.Fatalf("after %d interruptions: %v", interrupter.Count(), err)
				}
			}
			// Each file has a statement and a version.
			if want := 2 * countFiles(t, url, service); interrupter.Count() < want {
				t.Errorf("interrupted %d times, want %d or more", interrupter.Count(), want)
			}
			mustHaveSchema(t, url, mustReadSchema(t, dbtest.Create(t, migrations(service)...)))
		})
	}
}

func countFiles(t testing.TB, url database.URL, service string) (n int) {
	t.Helper()
	db := mustOpenDatabase(t, url)
	for _, version := range []string{"event_migration", "idempotency_migration", service + "_migration"} {
		n += len(mustReadStrings(t, db, "SELECT version_id FROM `"+version+"` WHERE version_id > 0"))
	}
	return n
}

// migrateEnv has the test binary migrate the service it names, in the database that
// migrateURLEnv names.
const (
	migrateEnv    = "SOUK_TEST_MIGRATE"
	migrateURLEnv = "SOUK_TEST_MIGRATE_URL"
)

// TestMigrateHelper is the process that TestKilledMigrations kills.
func TestMigrateHelper(t *testing.T) {
	service := os.Getenv(migrateEnv)
	if service == "" {
		t.Skip("it is started by TestKilledMigrations")
	}
	if err := migrate(t, database.URL(os.Getenv(migrateURLEnv)), service); err != nil {
		t.Fatal(err)
	}
}

// TestKilledMigrations kills processes that migrate, by SIGKILL, at some statements.
func TestKilledMigrations(t *testing.T) {
	t.Parallel()
	const service = "user"
	want := mustReadSchema(t, dbtest.Create(t, migrations(service)...))
	for _, at := range []int{1, 3, 8, 21} {
		t.Run(fmt.Sprint("at statement ", at), func(t *testing.T) {
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
					return dbtest.RunThenHang // the server runs it, whatever becomes of the process
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
				t.Fatal("it was not killed")
			}
			if err := migrate(t, url, service); err != nil {
				t.Fatal(err)
			}
			mustHaveSchema(t, url, want)
		})
	}
}
