package functions_test

import (
	"bufio"
	"database/sql"
	"fmt"
	"io/fs"
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

var (
	alteration      = regexp.MustCompile(`(?i)^\s*ALTER\s+TABLE\b`)
	checkConstraint = regexp.MustCompile(`(?i)\bCHECK\s*\(`)
	comment         = regexp.MustCompile(`(?m)--.*$`)
)

// addsCheck reports whether a statement adds a CHECK to an existing table.
func addsCheck(statement string) bool {
	statement = comment.ReplaceAllString(statement, "")
	return alteration.MatchString(statement) && checkConstraint.MatchString(statement)
}

// TestMigrationsAddNoChecks fails for a migration that adds a CHECK to an existing table. MySQL copies the
// table for that, and the service cannot write to it meanwhile:
// https://dev.mysql.com/doc/refman/8.4/en/innodb-online-ddl-operations.html
func TestMigrationsAddNoChecks(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]bool{
		"CREATE TABLE a (b BIGINT NOT NULL CHECK (b > 0))":                            false,
		"-- No CHECK (why).\nALTER TABLE a ADD COLUMN b BIGINT NOT NULL":              false,
		"ALTER TABLE a ADD COLUMN b BIGINT NOT NULL CHECK (b > 0)":                    true,
		"-- Why.\nalter table a\n    ADD KEY c (b),\n    add constraint b check(b>0)": true,
	} {
		if addsCheck(statement) != want {
			t.Errorf("%q adds a CHECK: %t, want %t", statement, !want, want)
		}
	}
	for _, service := range functions.Manifest().Services() {
		for _, set := range migrations(service) {
			for name, up := range mustReadMigrations(t, set) {
				if addsCheck(up) {
					t.Errorf("%s of %s adds a CHECK to an existing table: have the audit check it", name, set.Name)
				}
			}
		}
	}
}

// mustReadMigrations returns the statement of each file of a set.
func mustReadMigrations(t testing.TB, set database.Migrations) map[string]string {
	t.Helper()
	statements := map[string]string{}
	if set.FS == nil {
		return statements
	}
	err := fs.WalkDir(set.FS, ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".sql") {
			return err
		}
		text, err := fs.ReadFile(set.FS, path)
		_, up, found := strings.Cut(string(text), "-- +goose Up")
		if !found && err == nil {
			err = fmt.Errorf("%s has no -- +goose Up", path)
		}
		statements[path], _, _ = strings.Cut(up, "-- +goose Down")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(statements) == 0 {
		t.Errorf("%s has no migrations", set.Name)
	}
	return statements
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
