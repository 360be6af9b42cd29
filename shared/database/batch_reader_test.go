package database_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"souk/shared/database"
)

// statements records the keys of each statement, and blocks each until release.
type statements struct {
	mu      sync.Mutex
	keys    [][]int
	release chan error // a value ends one statement
}

func (s *statements) read(_ context.Context, keys []int) (map[int]string, error) {
	s.mu.Lock()
	s.keys = append(s.keys, slices.Sorted(slices.Values(keys)))
	s.mu.Unlock()
	err := <-s.release
	values := map[int]string{}
	for _, key := range keys {
		if key >= 0 {
			values[key] = fmt.Sprint(key)
		}
	}
	return values, err
}

// outcome is what a read returns.
type outcome struct {
	Value string
	Err   error
}

// readAll starts a read of each key, one after the other, and returns where its outcome will
// be.
func readAll(ctx context.Context, r *database.BatchReader[int, string], keys ...int) []outcome {
	outcomes := make([]outcome, len(keys))
	for i, key := range keys {
		go func() { outcomes[i].Value, outcomes[i].Err = r.Get(ctx, key) }()
		synctest.Wait()
	}
	return outcomes
}

func TestBatchReader(t *testing.T) {
	t.Parallel()

	t.Run("reads that arrive during two statements share the next one", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &statements{release: make(chan error)}
			r := database.NewBatchReader(s.read)
			got := readAll(t.Context(), r, 1, 2, 3, 4, 3, -1)
			want := [][]int{{1}, {2}}
			if diff := cmp.Diff(want, s.keys); diff != "" {
				t.Errorf("two statements at a time (-want +got):\n%s", diff)
			}
			for range 3 {
				s.release <- nil
				synctest.Wait()
			}
			want = append(want, []int{-1, 3, 4})
			if diff := cmp.Diff(want, s.keys); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			outcomes := []outcome{{Value: "1"}, {Value: "2"}, {Value: "3"}, {Value: "4"}, {Value: "3"}, {Err: database.ErrNotFound}}
			if diff := cmp.Diff(outcomes, got, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	})

	t.Run("a statement has a bounded number of keys", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &statements{release: make(chan error)}
			r := database.NewBatchReader(s.read)
			keys := make([]int, 2+database.MaxBatchKeys+1)
			for i := range keys {
				keys[i] = i
			}
			readAll(t.Context(), r, keys...)
			for range 4 {
				s.release <- nil
				synctest.Wait()
			}
			var lengths []int
			for _, keys := range s.keys {
				lengths = append(lengths, len(keys))
			}
			if diff := cmp.Diff([]int{1, 1, database.MaxBatchKeys, 1}, lengths); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	})

	t.Run("the error of a statement fails only its reads", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &statements{release: make(chan error)}
			r := database.NewBatchReader(s.read)
			broken := errors.New("broken")
			got := readAll(t.Context(), r, 1, 2, 3, 4)
			for _, err := range []error{nil, nil, broken} {
				s.release <- err
				synctest.Wait()
			}
			again := readAll(t.Context(), r, 3)
			s.release <- nil
			synctest.Wait()
			want := []outcome{{Value: "1"}, {Value: "2"}, {Err: broken}, {Err: broken}, {Value: "3"}}
			if diff := cmp.Diff(want, append(got, again...), cmpopts.EquateErrors()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	})

	t.Run("a request that ends does not fail the reads that share its statement", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := &statements{release: make(chan error)}
			r := database.NewBatchReader(s.read)
			readAll(t.Context(), r, 1, 2)
			leaving, leave := context.WithCancel(t.Context())
			left, others := readAll(leaving, r, 3), readAll(t.Context(), r, 4, 3)
			leave()
			synctest.Wait()
			for range 3 {
				s.release <- nil
				synctest.Wait()
			}
			want := []outcome{{Err: context.Canceled}, {Value: "4"}, {Value: "3"}}
			if diff := cmp.Diff(want, append(left, others...), cmpopts.EquateErrors()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	})
}

// TestReadersAreFresh increments a counter while many requests read it through both readers. A
// read must return at least the value that the counter had when the read began.
func TestReadersAreFresh(t *testing.T) {
	t.Parallel()
	var counter, statements atomic.Int64
	load := func() int64 {
		statements.Add(1)
		value := counter.Load()
		for range 20 { // others write and read until the statement ends
			counter.Add(1)
			runtime.Gosched()
		}
		return value
	}
	batches := database.NewBatchReader(func(_ context.Context, keys []int) (map[int]int64, error) {
		values, value := map[int]int64{}, load()
		for _, key := range keys {
			values[key] = value
		}
		return values, nil
	})
	var shared database.SharedReader[int, int64]
	const clients, reads = 32, 500
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			for i := range reads {
				begin := counter.Load()
				read := func(context.Context) (int64, error) { return load(), nil }
				get := func() (int64, error) { return shared.Get(t.Context(), i%4, read) }
				if client%2 == 1 {
					get = func() (int64, error) { return batches.Get(t.Context(), i%4) }
				}
				got, err := get()
				if err != nil || got < begin {
					t.Errorf("read %d (%v), which began at %d", got, err, begin)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := statements.Load(); n >= clients*reads {
		t.Errorf("%d statements for %d reads: they share none", n, clients*reads)
	}
}

func TestSharedReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &statements{release: make(chan error)}
		var r database.SharedReader[int, string]
		values := make([]string, 6)
		for i, key := range []int{1, 1, 1, 1, 2, 1} {
			go func() {
				values[i], _ = r.Get(t.Context(), key, func(ctx context.Context) (string, error) {
					read, err := s.read(ctx, []int{key})
					return read[key], err
				})
			}()
			synctest.Wait()
		}
		if diff := cmp.Diff([][]int{{1}, {1}, {2}}, s.keys); diff != "" {
			t.Errorf("another key does not wait (-want +got):\n%s", diff)
		}
		for range 4 {
			s.release <- nil
			synctest.Wait()
		}
		if diff := cmp.Diff([][]int{{1}, {1}, {2}, {1}}, s.keys); diff != "" {
			t.Errorf("equal reads share a statement (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"1", "1", "1", "1", "2", "1"}, values); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := r.Len(); n != 0 {
			t.Errorf("%d keys remain after all reads", n)
		}
	})
}
