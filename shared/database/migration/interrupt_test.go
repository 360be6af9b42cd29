package migration_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"souk/shared/database"
	"souk/shared/database/migration"
	"souk/shared/dbtest"
)

// everyKind has a statement of each kind that migrations may have.
var everyKind = []string{
	"CREATE TABLE thing (\n    id INT NOT NULL PRIMARY KEY, -- (a, comment\n    name VARCHAR(40) NOT NULL DEFAULT ('a, b'),\n    old INT NULL,\n    size INT NOT NULL CHECK (size > 0),\n    UNIQUE KEY thing_by_name (name),\n    CONSTRAINT thing_size CHECK (size < 100)\n)",
	"CREATE TABLE part (id INT NOT NULL, thing_id INT NOT NULL, CONSTRAINT part_of_thing FOREIGN KEY (thing_id) REFERENCES thing (id), INDEX part_by_id (id)) ENGINE = InnoDB",
	"INSERT INTO thing (id, name, size) VALUES (1, 'one', 1), (2, 'two', 2)",
	"ALTER TABLE thing\n    ADD COLUMN note TEXT NULL,\n    ADD weight DECIMAL(10, 2) NOT NULL DEFAULT 1,\n    ADD KEY thing_by_size (size, id)",
	"UPDATE thing SET size = size + 1",
	"CREATE INDEX thing_by_weight ON thing (weight)",
	"CREATE UNIQUE INDEX part_once ON part (id, thing_id)",
	"ALTER TABLE thing ADD CONSTRAINT thing_weight CHECK (weight > 0), ADD UNIQUE INDEX thing_twice (name, size)",
	"ALTER TABLE thing DROP COLUMN old, MODIFY note VARCHAR(100) NULL",
	"ALTER TABLE thing RENAME COLUMN note TO remark",
	"ALTER TABLE thing CHANGE COLUMN remark remark2 VARCHAR(200) NULL",
	"ALTER TABLE thing DROP KEY thing_by_size",
	"DROP INDEX thing_by_weight ON thing",
	"ALTER TABLE thing DROP CONSTRAINT thing_weight",
	"ALTER TABLE part DROP FOREIGN KEY part_of_thing",
	"DELETE FROM thing WHERE id = 2",
	"DROP TABLE part",
}

func newMigrations(statements []string) database.Migrations {
	files := fstest.MapFS{}
	for i, statement := range statements {
		files[fmt.Sprintf("%05d_x.sql", i+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\n-- Why.\n" + statement + ";\n\n-- +goose Down\nSELECT 1;\n")}
	}
	return database.Migrations{Name: "kind", FS: files}
}

// TestMigrateInterrupted interrupts a migrator before and after every statement.
func TestMigrateInterrupted(t *testing.T) {
	t.Parallel()
	for where, fate := range map[string]dbtest.Fate{"before": dbtest.CutBefore, "after": dbtest.CutAfter} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			url := dbtest.Create(t)
			interrupter := dbtest.NewInterrupter(fate)
			proxy := dbtest.NewProxy(t, url, interrupter.Decide)
			for continues := true; continues; {
				db, err := database.Open(database.Config{URL: proxy.URL})
				if err != nil {
					t.Fatal(err)
				}
				err = migration.Apply(t.Context(), db.SQL(), newMigrations(everyKind))
				_ = db.Close()
				if continues = interrupter.Again(); !continues && err != nil {
					t.Fatalf("after %d interruptions: %v", interrupter.Count(), err)
				}
			}
			if interrupter.Count() < 2*len(everyKind) {
				t.Errorf("interrupted %d times in %d migrations", interrupter.Count(), len(everyKind))
			}
			db := dbtest.Open(t, url, 1)
			if got := mustQuery[int](t, db, `SELECT SUM(id * 100 + size) FROM thing`); got != 102 {
				t.Errorf("id and size are %d, want 102: each file takes effect once", got)
			}
			if got := mustQuery[int](t, db, `SELECT COUNT(*) FROM kind_migration WHERE version_id > 0`); got != len(everyKind) {
				t.Errorf("%d versions are recorded, want %d", got, len(everyKind))
			}
			requireSameSchema(t, db)
		})
	}
}

// requireSameSchema compares the schema with that of a migrator that was not interrupted.
func requireSameSchema(t *testing.T, db *database.DB) {
	t.Helper()
	other := dbtest.New(t, newMigrations(everyKind))
	var name, got, want string
	for source, text := range map[*database.DB]*string{db: &got, other: &want} {
		if err := source.QueryRowContext(t.Context(), `SHOW CREATE TABLE thing`).Scan(&name, text); err != nil {
			t.Fatal(err)
		}
	}
	if got != want {
		t.Errorf("the table is\n%s\nwant\n%s", got, want)
	}
}

// TestMigrateForeignTables checks that tables which no migrator of this set can have created
// are refused.
func TestMigrateForeignTables(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ existing, statement, want string }{
		"a table with other columns":       {`CREATE TABLE thing (id INT PRIMARY KEY)`, `CREATE TABLE thing (id INT PRIMARY KEY, name INT)`, "column name of table thing is missing"},
		"a table without a key":            {`CREATE TABLE thing (id INT PRIMARY KEY)`, `CREATE TABLE thing (id INT PRIMARY KEY, KEY thing_by_id (id))`, "index thing_by_id of table thing is missing"},
		"one of two columns":               {`CREATE TABLE thing (id INT PRIMARY KEY, a INT)`, `ALTER TABLE thing ADD COLUMN a INT, ADD COLUMN b INT`, "column b of table thing is missing"},
		"a column to drop exists":          {`CREATE TABLE thing (id INT PRIMARY KEY, a INT)`, `ALTER TABLE thing DROP COLUMN a, DROP COLUMN b`, "column a of table thing still exists"},
		"an effect that cannot be checked": {`CREATE TABLE thing (id INT PRIMARY KEY)`, `CREATE TABLE thing AS SELECT 1 AS id`, "cannot be checked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.New(t)
			mustExec(t, db, tc.existing)
			err := migration.Apply(t.Context(), db.SQL(), newMigrations([]string{tc.statement}))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "00001_x.sql") {
				t.Errorf("got %v, want an error that contains %q", err, tc.want)
			}
			if got := mustQuery[int](t, db, `SELECT COUNT(*) FROM kind_migration WHERE version_id > 0`); got != 0 {
				t.Error("the version is recorded")
			}
		})
	}
}
