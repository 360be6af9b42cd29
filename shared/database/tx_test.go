package database_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"souk/shared/database"
	"souk/shared/dbtest"
)

// newAccounts returns a new database with accounts 1 and 2.
func newAccounts(t *testing.T) *database.DB {
	t.Helper()
	db := dbtest.New(t)
	mustExec(t, db, `CREATE TABLE account (id INT PRIMARY KEY, balance INT NOT NULL)`)
	mustExec(t, db, `INSERT INTO account VALUES (1, 0), (2, 0)`)
	return db
}

func TestInTxCommits(t *testing.T) {
	t.Parallel()
	db := newAccounts(t)
	if err := db.InTx(t.Context(), exec(`UPDATE account SET balance = 7 WHERE id = 1`)); err != nil {
		t.Fatal(err)
	}
	if got := mustQuery[int](t, db, `SELECT balance FROM account WHERE id = 1`); got != 7 {
		t.Errorf("balance is %d, want 7", got)
	}
}

func TestInTxRollsBack(t *testing.T) {
	t.Parallel()
	db := newAccounts(t)
	update := exec(`UPDATE account SET balance = 7 WHERE id = 1`)
	unchanged := func(t *testing.T) {
		t.Helper()
		if got := mustQuery[int](t, db, `SELECT balance FROM account WHERE id = 1`); got != 0 {
			t.Errorf("balance is %d, want 0", got)
		}
		if used := db.SQL().Stats().InUse; used != 0 {
			t.Errorf("%d connections are still in use", used)
		}
	}

	t.Run("InTx rolls back after an error and returns it", func(t *testing.T) {
		sad := errors.New("sad")
		err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			if err := update(ctx, tx); err != nil {
				return err
			}
			return sad
		})
		if !errors.Is(err, sad) {
			t.Errorf("got %v, want sad", err)
		}
		unchanged(t)
	})
	t.Run("InTx rolls back after a panic and continues it", func(t *testing.T) {
		defer func() {
			if got := recover(); got != "ouch" {
				t.Errorf("recovered %v, want ouch", got)
			}
			unchanged(t)
		}()
		_ = db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			if err := update(ctx, tx); err != nil {
				return err
			}
			panic("ouch")
		})
	})
	t.Run("InTx rolls back when its goroutine ends", func(t *testing.T) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
				if err := update(ctx, tx); err != nil {
					t.Error(err)
				}
				runtime.Goexit()
				return nil
			})
		}()
		<-done
		unchanged(t)
	})
	t.Run("InTx rolls back when its context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
			if err := update(ctx, tx); err != nil {
				return err
			}
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		unchanged(t)
	})
}

func TestAfterCommit(t *testing.T) {
	t.Parallel()
	db := newAccounts(t)

	t.Run("runs hooks in order once the commit is visible", func(t *testing.T) {
		var ran []string
		err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			tx.AfterCommit(func(context.Context) {
				ran = append(ran, fmt.Sprint("first sees ", mustQuery[int](t, db, `SELECT balance FROM account WHERE id = 2`)))
			})
			tx.AfterCommit(func(context.Context) { ran = append(ran, "second") })
			return exec(`UPDATE account SET balance = 9 WHERE id = 2`)(ctx, tx)
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"first sees 9", "second"}; !slices.Equal(ran, want) {
			t.Errorf("ran %q, want %q", ran, want)
		}
	})
	t.Run("drops hooks of a rollback", func(t *testing.T) {
		err := db.InTx(t.Context(), func(_ context.Context, tx *database.Tx) error {
			tx.AfterCommit(func(context.Context) { t.Error("the hook ran") })
			return errors.New("sad")
		})
		if err == nil {
			t.Error("no error")
		}
	})
}

// TestDeadlock runs two transactions that lock the same two rows in opposite order, each after
// the other has locked its first. The server ends one of them.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	db := newAccounts(t)
	var holding sync.WaitGroup
	holding.Add(2)

	transfer := func(first, second int) (tries, hooks int, err error) {
		err = db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			tries++
			tx.AfterCommit(func(context.Context) { hooks++ })
			add := `UPDATE account SET balance = balance + 1 WHERE id = ?`
			if err := exec(add, first)(ctx, tx); err != nil {
				return err
			}
			if tries == 1 {
				holding.Done()
				holding.Wait()
			}
			if err := exec(add, second)(ctx, tx); err != nil {
				return fmt.Errorf("add to account %d: %w", second, err)
			}
			return nil
		})
		return tries, hooks, err
	}

	var both sync.WaitGroup
	var tries, hooks [2]int
	var errs [2]error
	for i := range 2 {
		both.Go(func() { tries[i], hooks[i], errs[i] = transfer(1+i, 2-i) })
	}
	both.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	if tries[0]+tries[1] < 3 {
		t.Errorf("ran %v times; there was no deadlock", tries)
	}
	if hooks != [2]int{1, 1} {
		t.Errorf("hooks ran %v times, want once each", hooks)
	}
	if got := mustQuery[int](t, db, `SELECT SUM(balance) FROM account`); got != 4 {
		t.Errorf("balances add up to %d, want 4", got)
	}
}

func TestLockWait(t *testing.T) {
	t.Parallel()
	db := newAccounts(t)

	t.Run("is retried when the lock is free", func(t *testing.T) {
		holder, err := db.SQL().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = holder.Rollback() }()
		if _, err := holder.ExecContext(t.Context(), `UPDATE account SET balance = 1 WHERE id = 1`); err != nil {
			t.Fatal(err)
		}
		tries := 0
		err = db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			tries++
			if tries == 2 {
				if err := holder.Rollback(); err != nil {
					return err
				}
			}
			// The shortest wait that the server allows, for this connection only.
			if err := exec(`SET innodb_lock_wait_timeout = 1`)(ctx, tx); err != nil {
				return err
			}
			return exec(`UPDATE account SET balance = 2 WHERE id = 1`)(ctx, tx)
		})
		if err != nil {
			t.Fatal(err)
		}
		if tries != 2 {
			t.Errorf("ran %d times, want 2", tries)
		}
	})
	t.Run("fails after a bounded number of tries", func(t *testing.T) {
		holder, err := db.SQL().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = holder.Rollback() }()
		if _, err := holder.ExecContext(t.Context(), `UPDATE account SET balance = 1 WHERE id = 2`); err != nil {
			t.Fatal(err)
		}
		tries := 0
		err = db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			tries++
			var balance int
			return tx.QueryRowContext(ctx, `SELECT balance FROM account WHERE id = 2 FOR UPDATE NOWAIT`).Scan(&balance)
		})
		if err == nil || !strings.Contains(err.Error(), "run transaction") {
			t.Errorf("got %v, want the lock's error, wrapped", err)
		}
		if tries < 2 || tries > 10 {
			t.Errorf("ran %d times, want 2 to 10", tries)
		}
	})
}
