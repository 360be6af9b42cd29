package database_test

import (
	"context"
	"errors"
	"testing"

	"souk/shared/database"
	"souk/shared/dbtest"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	errNo := errors.New("the guard says no")
	insert := func(ctx context.Context, q database.Queryer) error {
		_, err := q.ExecContext(ctx, `INSERT INTO note (id) VALUES (1)`)
		return err
	}
	count := func(t *testing.T, db *database.DB) (n int) {
		t.Helper()
		if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM note`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	ways := map[string]func(context.Context, *database.DB) error{
		"a transaction": func(ctx context.Context, db *database.DB) error {
			return db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error { return insert(ctx, tx) })
		},
		"a statement of its own": func(ctx context.Context, db *database.DB) error { return insert(ctx, db) },
	}
	for name, run := range ways {
		t.Run("has the last word in "+name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.New(t, noteMigrations)
			seen := 0
			no := database.WithGuard(t.Context(), func(ctx context.Context, tx *database.Tx) error {
				if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM note`).Scan(&seen); err != nil {
					return err
				}
				return errNo
			})
			if err := run(no, db); !errors.Is(err, errNo) {
				t.Errorf("got %v", err)
			}
			if seen != 1 || count(t, db) != 0 {
				t.Errorf("the guard saw %d rows, want 1; %d are left, want 0", seen, count(t, db))
			}
			if err := run(database.WithGuard(no, nil), db); err != nil || count(t, db) != 1 {
				t.Errorf("without the guard: %v, %d rows", err, count(t, db))
			}
		})
	}

	t.Run("has no say in what follows the commit", func(t *testing.T) {
		t.Parallel()
		db := dbtest.New(t, noteMigrations)
		asked := 0
		ctx := database.WithGuard(t.Context(), func(context.Context, *database.Tx) error { asked++; return nil })
		var after error
		err := db.InTx(ctx, func(_ context.Context, tx *database.Tx) error {
			tx.AfterCommit(func(ctx context.Context) { after = insert(ctx, db) })
			return nil
		})
		if err != nil || after != nil || asked != 1 || count(t, db) != 1 {
			t.Errorf("the guard was asked %d times, want 1; %d rows; %v, %v", asked, count(t, db), err, after)
		}
	})
}
