package batch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"

	"souk/shared/batch"
	"souk/shared/dbtest"
)

func TestFailure(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	for name, fail := range map[string]func() error{
		"an item that fails":  func() error { return failed },
		"an item that panics": func() error { panic("failed") },
	} {
		t.Run(name+" fails alone", func(t *testing.T) {
			t.Parallel()
			f := open(t, batch.Limits{})
			f.fail = func(items []string) error {
				if slices.Contains(items, "c") {
					return fail()
				}
				return nil
			}
			for item, err := range f.queue(t, "a", "b", "c", "d", "e") {
				if (err != nil) != (item == "c") || err != nil && !strings.Contains(err.Error(), "failed") {
					t.Errorf("%s: %v", item, err)
				}
			}
			f.requireBatches(t, "first", "a b c d e", "a b", "c d e", "c", "d e")
			f.requireDone(t, "a", "b", "d", "e", "first")
		})
	}
	t.Run("a batch is split breadth-first", func(t *testing.T) {
		t.Parallel()
		f := open(t, batch.Limits{})
		f.fail = func(items []string) error {
			if slices.Contains(items, "a") {
				return failed
			}
			return nil
		}
		f.queue(t, "a", "b", "c", "d")
		f.requireBatches(t, "first", "a b c d", "a b", "c d", "a", "b")
	})
	for name, unavailable := range map[string]error{
		"an unavailable server": &mysql.MySQLError{Number: 1040, Message: "Too many connections"},
		"the end of the time":   fmt.Errorf("run: %w", context.DeadlineExceeded),
	} {
		t.Run(name+" fails all items at once", func(t *testing.T) {
			t.Parallel()
			f := open(t, batch.Limits{})
			f.fail = func(items []string) error {
				if items[0] == "first" {
					return nil
				}
				return unavailable
			}
			for item, err := range f.queue(t, "a", "b", "c") {
				if !errors.Is(err, unavailable) {
					t.Errorf("%s: %v", item, err)
				}
			}
			f.requireBatches(t, "first", "a b c")
			f.requireDone(t, "first")
		})
	}
}

// TestPanicOfHook checks that a panic of a hook fails no request: the items have been committed.
func TestPanicOfHook(t *testing.T) {
	t.Parallel()
	f := open(t, batch.Limits{})
	f.hook = func(items []string) {
		if slices.Contains(items, "a") {
			panic("failed")
		}
	}
	for item, err := range f.queue(t, "a", "b") {
		if err != nil {
			t.Errorf("%s: %v", item, err)
		}
	}
	if err := f.Do(t.Context(), "next", 0); err != nil {
		t.Errorf("the next batch: %v", err)
	}
	f.requireDone(t, "a", "b", "first", "next")
}

// lock locks the row of an item in another transaction, until the other items have been committed.
func (f *fixture) lock(t *testing.T, item string, others int) {
	t.Helper()
	dbtest.SetAll(t, f.db, dbtest.PoolSize, `SET SESSION innodb_lock_wait_timeout = 1`) // the shortest
	holder, err := f.db.SQL().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = holder.Rollback() })
	if _, err := holder.ExecContext(t.Context(), `INSERT INTO done VALUES (?)`, item); err != nil {
		t.Fatal(err)
	}
	var committed atomic.Int64
	f.hook = func(items []string) {
		if items[0] == "first" || committed.Add(int64(len(items))) != int64(others) {
			return
		}
		if err := holder.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

func TestLockedRow(t *testing.T) {
	t.Parallel()
	t.Run("the other items of the batch are committed before the lock ends", func(t *testing.T) {
		t.Parallel()
		f := open(t, batch.Limits{})
		f.lock(t, "a", 2)
		for item, err := range f.queue(t, "a", "b", "c") {
			if err != nil {
				t.Errorf("%s: %v", item, err)
			}
		}
		f.requireBatches(t, "first", "a b c", "a", "b c", "a")
		f.requireDone(t, "a", "b", "c", "first")
	})
	t.Run("the next batches are committed before the lock ends", func(t *testing.T) {
		t.Parallel()
		f := open(t, batch.Limits{Items: 1})
		f.lock(t, "a", 2)
		for item, err := range f.queue(t, "a", "b", "c") {
			if err != nil {
				t.Errorf("%s: %v", item, err)
			}
		}
		f.requireDone(t, "a", "b", "c", "first")
	})
	t.Run("the next batch is committed before a batch with a locked row ends", func(t *testing.T) {
		t.Parallel()
		f := open(t, batch.Limits{Items: 2})
		f.lock(t, "a", 3)
		for item, err := range f.queue(t, "a", "b", "c", "d") {
			if err != nil {
				t.Errorf("%s: %v", item, err)
			}
		}
		f.requireDone(t, "a", "b", "c", "d", "first")
	})
}
