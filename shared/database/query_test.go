package database_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/dbtest"
)

func TestQueries(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	ctx := t.Context()
	mustExec(t, db, `CREATE TABLE thing (id BINARY(16) PRIMARY KEY, name VARCHAR(20) NOT NULL)`)
	ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
	var rows [][]any
	for i, name := range []string{"a", "b", "c"} {
		rows = append(rows, []any{ids[i][:], name})
	}
	if err := database.InsertRows(ctx, db, "thing (id, name)", "", rows); err != nil {
		t.Fatal(err)
	}

	t.Run("InsertRows without rows does nothing", func(t *testing.T) {
		if err := database.InsertRows(ctx, db, "missing (id)", "", nil); err != nil {
			t.Error(err)
		}
	})
	t.Run("InsertRows refuses rows of different lengths", func(t *testing.T) {
		err := database.InsertRows(ctx, db, "thing (id, name)", "", [][]any{rows[0], rows[1][:1]})
		if err == nil || !strings.Contains(err.Error(), "row 1 has 1 values") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("InsertRows appends the suffix", func(t *testing.T) {
		if err := database.InsertRows(ctx, db, "thing (id, name)", "ON DUPLICATE KEY UPDATE name = name", rows); err != nil {
			t.Error(err)
		}
	})
	t.Run("Get returns one row", func(t *testing.T) {
		if got, err := database.Get(ctx, db, database.ScanColumn[string], `SELECT name FROM thing WHERE id = ?`, ids[1][:]); err != nil || got != "b" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("Get returns ErrNotFound without a row", func(t *testing.T) {
		if _, err := database.Get(ctx, db, database.ScanColumn[string], `SELECT name FROM thing WHERE name = 'x'`); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("Collect returns all rows of an IN list in order", func(t *testing.T) {
		got, err := database.Collect(ctx, db, database.ScanColumn[string],
			`SELECT name FROM thing WHERE id IN (`+database.Placeholders(2)+`) ORDER BY name DESC`, database.IDs(ids[:2])...)
		if err != nil || !slices.Equal(got, []string{"b", "a"}) {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("Collect returns an empty list without rows", func(t *testing.T) {
		got, err := database.Collect(ctx, db, database.ScanColumn[string], `SELECT name FROM thing WHERE name = 'x'`)
		if err != nil || got == nil || len(got) != 0 {
			t.Errorf("got %#v, %v", got, err)
		}
	})
	t.Run("Each ends at the first error of its function", func(t *testing.T) {
		calls, errStop := 0, errors.New("stop")
		err := database.Each(ctx, db, func(database.Scanner) error { calls++; return errStop },
			`SELECT name FROM thing WHERE name IN (`+database.Placeholders(2)+`)`, database.Args([]string{"a", "b"})...)
		if !errors.Is(err, errStop) || calls != 1 {
			t.Errorf("%d calls, %v", calls, err)
		}
	})
	t.Run("Each returns the error of the query", func(t *testing.T) {
		if err := database.Each(ctx, db, func(database.Scanner) error { return nil }, `SELECT name FROM missing`); err == nil {
			t.Error("no error")
		}
	})
	t.Run("Affected reports whether a row was matched, changed or not", func(t *testing.T) {
		for name, want := range map[string]bool{"x": false, "c": true} {
			got, err := database.Affected(db.ExecContext(ctx, `UPDATE thing SET name = name WHERE name = ?`, name))
			if err != nil || got != want {
				t.Errorf("%s: got %t, %v", name, got, err)
			}
		}
	})
	t.Run("Affected returns the error of the statement", func(t *testing.T) {
		if got, err := database.Affected(db.ExecContext(ctx, `UPDATE missing SET name = 'd'`)); err == nil || got {
			t.Errorf("got %t, %v", got, err)
		}
	})
	t.Run("AffectedRows returns the number of rows", func(t *testing.T) {
		if got, err := database.AffectedRows(db.ExecContext(ctx, `DELETE FROM thing`)); err != nil || got != 3 {
			t.Errorf("got %d, %v", got, err)
		}
	})
}
