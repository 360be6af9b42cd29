package database_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"souk/shared/database"
	"souk/shared/dbtest"
)

func TestSession(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	mustExec(t, db, `CREATE TABLE thing (id INT PRIMARY KEY, name VARCHAR(5) NOT NULL, at DATETIME(6) NULL)`)

	t.Run("refuses a value that does not fit", func(t *testing.T) {
		t.Parallel()
		_, err := db.ExecContext(t.Context(), `INSERT INTO thing (id, name) VALUES (1, 'too long')`)
		var server *mysql.MySQLError
		if !errors.As(err, &server) || server.Number != 1406 {
			t.Errorf("got %v, want error 1406, data too long", err)
		}
	})
	t.Run("stores times in UTC with microseconds", func(t *testing.T) {
		t.Parallel()
		want := time.Date(2026, 3, 29, 1, 30, 0, 123456000, time.UTC)
		mustExec(t, db, `INSERT INTO thing (id, name, at) VALUES (2, 'x', ?)`, want.In(time.FixedZone("", 7200)))
		if got := mustQuery[time.Time](t, db, `SELECT at FROM thing WHERE id = 2`); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		if offset := mustQuery[string](t, db, `SELECT TIMEDIFF(NOW(), UTC_TIMESTAMP())`); offset != "00:00:00" {
			t.Errorf("NOW() is %s away from UTC", offset)
		}
	})
	t.Run("every character is stored", func(t *testing.T) {
		t.Parallel()
		want := `'\🛍"`
		mustExec(t, db, `INSERT INTO thing (id, name) VALUES (3, ?)`, want)
		if got := mustQuery[string](t, db, `SELECT name FROM thing WHERE id = 3 AND name = ?`, want); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("counts rows that matched, not rows that changed", func(t *testing.T) {
		t.Parallel()
		mustExec(t, db, `INSERT INTO thing (id, name) VALUES (4, 'same')`)
		if n := mustExec(t, db, `UPDATE thing SET name = 'same' WHERE id = 4`); n != 1 {
			t.Errorf("an update to the same value counts %d rows, want 1", n)
		}
		if n := mustExec(t, db, `UPDATE thing SET name = 'new' WHERE id = 4 AND name = 'other'`); n != 0 {
			t.Errorf("an update that matches nothing counts %d rows, want 0", n)
		}
	})
	t.Run("refuses several statements in one", func(t *testing.T) {
		t.Parallel()
		if _, err := db.ExecContext(t.Context(), `SELECT 1; SELECT 2`); err == nil {
			t.Error("two statements were run")
		}
	})
}

func TestReadCommitted(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	mustExec(t, db, `CREATE TABLE thing (id INT PRIMARY KEY)`)
	err := db.InTx(t.Context(), func(_ context.Context, tx *database.Tx) error {
		before := mustQuery[int](t, tx, `SELECT COUNT(*) FROM thing`)
		mustExec(t, db, `INSERT INTO thing VALUES (1)`)
		after := mustQuery[int](t, tx, `SELECT COUNT(*) FROM thing`)
		if before != 0 || after != 1 {
			t.Errorf("counted %d, then %d after another's commit; want 0, then 1", before, after)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDuplicate(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	mustExec(t, db, `CREATE TABLE thing (id INT PRIMARY KEY, sku VARCHAR(40) NOT NULL, UNIQUE KEY thing_sku (sku))`)
	mustExec(t, db, `INSERT INTO thing VALUES (1, 'a')`)
	for key, query := range map[string]string{
		"PRIMARY":   `INSERT INTO thing VALUES (1, 'b')`,
		"thing_sku": `INSERT INTO thing VALUES (2, 'a')`,
	} {
		err := db.InTx(t.Context(), exec(query))
		if !database.IsDuplicate(err) || database.DuplicateKey(err) != key {
			t.Errorf("duplicate %t of key %q, want true of %q: %v", database.IsDuplicate(err), database.DuplicateKey(err), key, err)
		}
	}
	if err := db.InTx(t.Context(), exec(`INSERT INTO nowhere VALUES (1)`)); err == nil || database.IsDuplicate(err) || database.DuplicateKey(err) != "" {
		t.Errorf("not a duplicate: %v", err)
	}
}
