// Package batchtest compares batches with their items one by one.
package batchtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/shared/batch"
	"souk/shared/database"
)

var errRollback = errors.New("end of a comparison")

// CheckEquivalent checks, for every order of arrival of items, that run has the same effect when
// it is called with all of them as when it is called with each, one after the other. State returns
// the effect: rows that it reads in the transaction, and results in the items. Each run begins
// with the rows as they are in db, and is rolled back.
func CheckEquivalent[T any](t *testing.T, db *database.DB, newItems func() []T, run batch.Func[T],
	state func(ctx context.Context, tx *database.Tx, items []T) (any, error),
) {
	t.Helper()
	n := len(newItems())
	for order := range permutations(n) {
		single := effect(t, db, order, 1, newItems(), run, state)
		for size := 2; size <= n; size++ {
			batched := effect(t, db, order, size, newItems(), run, state)
			if diff := cmp.Diff(single, batched); diff != "" {
				t.Fatalf("order %v in batches of %d (-one by one +batch):\n%s", order, size, diff)
			}
		}
	}
}

// effect returns the effect of items that arrive in an order and are handled in batches of a size.
func effect[T any](t *testing.T, db *database.DB, order []int, size int, items []T, run batch.Func[T],
	state func(ctx context.Context, tx *database.Tx, items []T) (any, error),
) (got any) {
	t.Helper()
	arrived := make([]T, len(order))
	for i, at := range order {
		arrived[i] = items[at]
	}
	err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) (err error) {
		for batch := range slices.Chunk(arrived, size) {
			if err := run(ctx, tx, batch); err != nil {
				return err
			}
		}
		if got, err = state(ctx, tx, items); err != nil {
			return err
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		t.Fatalf("order %v in batches of %d: %v", order, size, err)
	}
	return got
}

// Rows returns the rows of queries of one column, in order.
func Rows(ctx context.Context, q database.Queryer, queries ...string) (all [][]string, err error) {
	for _, query := range queries {
		rows, err := database.Collect(ctx, q, database.ScanColumn[string], query)
		if err != nil {
			return nil, err
		}
		all = append(all, rows)
	}
	return all, nil
}

// NewID returns an id that depends on the seed of random.
func NewID(random *rand.Rand) (id uuid.UUID) {
	for i := range id {
		id[i] = byte(random.IntN(256))
	}
	return id
}

// permutations returns all orders of n numbers.
func permutations(n int) func(yield func([]int) bool) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return func(yield func([]int) bool) { permute(order, 0, yield) }
}

func permute(order []int, from int, yield func([]int) bool) bool {
	if from == len(order) {
		return yield(slices.Clone(order))
	}
	for i := from; i < len(order); i++ {
		order[from], order[i] = order[i], order[from]
		if !permute(order, from+1, yield) {
			return false
		}
		order[from], order[i] = order[i], order[from]
	}
	return true
}
