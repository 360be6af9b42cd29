package migration_test

import (
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"souk/shared/database"
	"souk/shared/database/migration"
	"souk/shared/dbtest"
)

func file(text string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("-- +goose Up\n" + text + "\n")}
}

var (
	shopMigrations = database.Migrations{Name: "shop", FS: fstest.MapFS{
		"00001_item.sql": file(`CREATE TABLE item (id INT PRIMARY KEY);`),
		"00002_seed.sql": file(`INSERT INTO item VALUES (1), (2);`),
	}}
	noteMigrations = database.Migrations{Name: "note", FS: fstest.MapFS{
		"migrations/00001_note.sql": file(`CREATE TABLE note (id INT PRIMARY KEY);`),
	}}
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	for range 2 {
		if err := migration.Apply(t.Context(), db.SQL(), shopMigrations, noteMigrations); err != nil {
			t.Fatal(err)
		}
	}
	if got := mustQuery[int](t, db, `SELECT COUNT(*) FROM item`); got != 2 {
		t.Errorf("%d items, want 2: each file is applied once", got)
	}
	for table, want := range map[string]int{"shop_migration": 2, "note_migration": 1} {
		if got := mustQuery[int](t, db, `SELECT MAX(version_id) FROM `+table); got != want {
			t.Errorf("%s is at version %d, want %d", table, got, want)
		}
	}
}

func TestConcurrentMigrators(t *testing.T) {
	t.Parallel()
	url := dbtest.Create(t)
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		db := dbtest.Open(t, url, 1)
		all.Go(func() { errs[i] = migration.Apply(t.Context(), db.SQL(), shopMigrations, noteMigrations) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := mustQuery[int](t, dbtest.Open(t, url, 1), `SELECT COUNT(*) FROM item`); got != 2 {
		t.Errorf("%d items, want 2: each file is applied by one of them", got)
	}
}

func TestMigrateAfterAKilledMigrator(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	if err := migration.Apply(t.Context(), db.SQL(), noteMigrations); err != nil {
		t.Fatal(err)
	}
	// The state between the two statements that create a table of versions.
	mustExec(t, db, `DELETE FROM note_migration`)
	mustExec(t, db, `DROP TABLE note`)
	if err := migration.Apply(t.Context(), db.SQL(), noteMigrations); err != nil {
		t.Fatal(err)
	}
	if got := mustQuery[int](t, db, `SELECT COUNT(*) FROM note`); got != 0 {
		t.Errorf("%d notes, want a table with none", got)
	}
}

func TestMigrateErrors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		set  database.Migrations
		want string
	}{
		"a bad name":      {database.Migrations{Name: "a b", FS: shopMigrations.FS}, "name must match"},
		"an empty folder": {database.Migrations{Name: "shop", FS: fstest.MapFS{"migrations": &fstest.MapFile{Mode: fs.ModeDir}}}, "read the migrations"},
		"bad SQL": {database.Migrations{Name: "shop", FS: fstest.MapFS{
			"00001_x.sql": file(`CREATE TABLE;`),
		}}, "00001_x.sql"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.New(t)
			err := migration.Apply(t.Context(), db.SQL(), tc.set)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error that contains %q", err, tc.want)
			}
			if err := migration.Apply(t.Context(), db.SQL(), shopMigrations); err != nil {
				t.Errorf("the lock was not released: %v", err)
			}
		})
	}
}
