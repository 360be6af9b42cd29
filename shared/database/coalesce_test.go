package database_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/shared/database"
	"souk/shared/dbtest"
)

// TestCarriedBatch checks that statements of other requests are part of the shared transaction in
// progress, and run again on their own if it is rolled back.
func TestCarriedBatch(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	for name, test := range map[string]struct {
		err   error
		items []int // that are stored
	}{
		"a batch is committed with the shared transaction":            {nil, []int{0, 1}},
		"a batch of a transaction that is rolled back runs once more": {failed, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.New(t)
			mustExec(t, db, `CREATE TABLE done (item INT PRIMARY KEY)`)
			var inTransaction []bool
			marks := database.NewCarriedCoalescer(db, func(ctx context.Context, q database.Queryer, items []int) error {
				_, isTx := q.(*database.Tx)
				inTransaction = append(inTransaction, isTx)
				_, err := q.ExecContext(ctx, `INSERT INTO done VALUES (?)`, items[0])
				return err
			})
			database.SetMaxCarrierWait(marks, time.Hour)
			var all sync.WaitGroup
			err := db.InSharedTx(t.Context(), db.NewCarrier(), func(ctx context.Context, tx *database.Tx) error {
				all.Go(func() {
					if err := marks.Do(t.Context(), []int{1}); err != nil {
						t.Error(err)
					}
				})
				database.WaitPending(marks)
				if _, err := tx.ExecContext(ctx, `INSERT INTO done VALUES (0)`); err != nil {
					return err
				}
				return test.err
			})
			if !errors.Is(err, test.err) {
				t.Fatal(err)
			}
			all.Wait()
			items, err := database.Collect(t.Context(), db, database.ScanColumn[int], `SELECT item FROM done ORDER BY item`)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.items, items); diff != "" {
				t.Errorf("stored items (-want +got):\n%s", diff)
			}
			if want := []bool{test.err == nil}; !slices.Equal(inTransaction, want) {
				t.Errorf("the batch ran in the shared transaction: %v, want %v", inTransaction, want)
			}
		})
	}
}

// TestBatchDoesNotWaitForSlowTransaction checks that statements of other requests run on their own
// while a shared transaction is slow. The transaction ends only after they have ended.
func TestBatchDoesNotWaitForSlowTransaction(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	mustExec(t, db, `CREATE TABLE done (item INT PRIMARY KEY)`)
	marks := database.NewCarriedCoalescer(db, func(ctx context.Context, q database.Queryer, items []int) error {
		_, err := q.ExecContext(ctx, `INSERT INTO done VALUES (?)`, items[0])
		return err
	})
	err := db.InSharedTx(t.Context(), db.NewCarrier(), func(ctx context.Context, _ *database.Tx) error {
		bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		return marks.Do(bounded, []int{1})
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := mustQuery[int](t, db, `SELECT COUNT(*) FROM done`); n != 1 {
		t.Errorf("%d items are stored, want 1", n)
	}
}
