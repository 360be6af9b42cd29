package batch_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"souk/shared/batch"
	"souk/shared/database"
	"souk/shared/dbtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Started by an import of the Cloud SQL connector's metrics.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// fixture is a Batcher whose first batch waits until it is released, so that items queue.
type fixture struct {
	*batch.Batcher[string]
	db      *database.DB
	begun   chan struct{}
	release chan struct{}

	mu      sync.Mutex
	batches [][]string
	fail    func(items []string) error
	hook    func(items []string) // after the commit
}

func open(t *testing.T, limits batch.Limits) *fixture {
	t.Helper()
	f := &fixture{db: dbtest.New(t), begun: make(chan struct{}), release: make(chan struct{})}
	if _, err := f.db.ExecContext(t.Context(), `CREATE TABLE done (item VARCHAR(100) PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	f.Batcher = batch.New(f.db, limits, f.run)
	return f
}

func (f *fixture) run(ctx context.Context, tx *database.Tx, items []string) error {
	f.mu.Lock()
	f.batches = append(f.batches, slices.Clone(items))
	fail := f.fail
	f.mu.Unlock()
	rows := make([][]any, len(items))
	for i := range items {
		rows[i] = []any{items[i]}
	}
	if err := database.InsertRows(ctx, tx, "done (item)", "", rows); err != nil {
		return err
	}
	if f.hook != nil {
		tx.AfterCommit(func(context.Context) { f.hook(items) })
	}
	if items[0] == "first" {
		close(f.begun)
		<-f.release
	}
	if fail != nil {
		return fail(items)
	}
	return nil
}

// queue starts the first item, waits until the others are in the queue, one after the other, and
// lets the first one end. It returns the errors of the others.
func (f *fixture) queue(t *testing.T, items ...string) map[string]error {
	t.Helper()
	var all sync.WaitGroup
	all.Go(func() {
		if err := f.Do(t.Context(), "first", 0); err != nil {
			t.Errorf("the first item: %v", err)
		}
	})
	<-f.begun
	errs := map[string]error{}
	for i, item := range items {
		all.Go(func() {
			size := len(item)
			if strings.HasPrefix(item, "large") {
				size = 700_000
			}
			err := f.Do(t.Context(), item, size)
			f.mu.Lock()
			defer f.mu.Unlock()
			errs[item] = err
		})
		batch.WaitQueued(f.Batcher, i+1)
	}
	close(f.release)
	all.Wait()
	return errs
}

func (f *fixture) requireDone(t *testing.T, want ...string) {
	t.Helper()
	got, err := database.Collect(t.Context(), f.db, database.ScanColumn[string], `SELECT item FROM done ORDER BY item`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("committed items (-want +got):\n%s", diff)
	}
}

func (f *fixture) requireBatches(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, items := range f.batches {
		got = append(got, strings.Join(items, " "))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}

func TestDo(t *testing.T) {
	t.Parallel()
	t.Run("items that arrive during a transaction share the next one", func(t *testing.T) {
		t.Parallel()
		f := open(t, batch.Limits{})
		for item, err := range f.queue(t, "a", "b", "c") {
			if err != nil {
				t.Errorf("%s: %v", item, err)
			}
		}
		f.requireBatches(t, "first", "a b c")
		f.requireDone(t, "a", "b", "c", "first")
	})
	t.Run("a batch has at most the number of items that it may have", func(t *testing.T) {
		t.Parallel()
		f := open(t, batch.Limits{Items: 2})
		f.queue(t, "a", "b", "c", "d", "e")
		f.requireBatches(t, "first", "a b", "c d", "e")
		f.requireDone(t, "a", "b", "c", "d", "e", "first")
	})
	t.Run("a batch has at most the size that it may have", func(t *testing.T) {
		t.Parallel()
		f := open(t, batch.Limits{})
		f.queue(t, "a", "large 1", "large 2", "b")
		f.requireBatches(t, "first", "a large 1", "large 2 b")
	})
	t.Run("items have transactions of their own if a batch may have one item", func(t *testing.T) {
		t.Parallel()
		f := open(t, batch.Limits{Items: 1})
		f.queue(t, "a", "b")
		f.requireBatches(t, "first", "a", "b")
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	t.Run("an item whose caller leaves the queue has no effect", func(t *testing.T) {
		t.Parallel()
		f := open(t, batch.Limits{})
		var all sync.WaitGroup
		all.Go(func() { _ = f.Do(t.Context(), "first", 0) })
		<-f.begun
		ctx, cancel := context.WithCancel(t.Context())
		all.Go(func() {
			if err := f.Do(ctx, "gone", 0); !errors.Is(err, context.Canceled) {
				t.Errorf("the item that left the queue: %v", err)
			}
		})
		batch.WaitQueued(f.Batcher, 1)
		cancel()
		batch.WaitQueued(f.Batcher, 0)
		close(f.release)
		all.Wait()
		f.requireDone(t, "first")
	})
	t.Run("a leader whose caller leaves finishes the batch of the others", func(t *testing.T) {
		t.Parallel()
		f := open(t, batch.Limits{})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if err := f.Do(ctx, "first", 0); err != nil {
				t.Errorf("the leader: %v", err)
			}
		})
		<-f.begun
		cancel()
		close(f.release)
		all.Wait()
		f.requireDone(t, "first")
	})
}

// Items that arrive while the first one waits for a connection are in its batch, unless its transaction
// would end before their deadline.
func TestItemsJoinUntilBegin(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, c := range map[string]struct {
		first, second time.Duration // until the deadline; 0 is none
		batches       []string
	}{
		"no deadlines":               {0, 0, []string{"a b"}},
		"deadlines of one arrival":   {time.Hour, time.Hour + time.Second/2, []string{"a b"}},
		"an earlier deadline":        {time.Hour, time.Minute, []string{"a b"}},
		"a later deadline":           {time.Minute, time.Hour, []string{"a", "b"}},
		"no deadline":                {time.Minute, 0, []string{"a", "b"}},
		"a deadline beside no limit": {0, time.Minute, []string{"a b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t, batch.Limits{})
			release := f.occupy(t)
			var all sync.WaitGroup
			do := func(item string, after time.Duration) {
				ctx := t.Context()
				if after > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithDeadline(ctx, now.Add(after))
					defer cancel()
				}
				if err := f.Do(ctx, item, 0); err != nil {
					t.Errorf("item %s: %v", item, err)
				}
			}
			all.Go(func() { do("a", c.first) })
			batch.WaitLed(f.Batcher)
			all.Go(func() { do("b", c.second) })
			batch.WaitQueued(f.Batcher, 1)
			release()
			all.Wait()
			f.requireBatches(t, c.batches...)
		})
	}
}

// occupy begins a transaction on each connection, and returns a function that ends them.
func (f *fixture) occupy(t *testing.T) (release func()) {
	t.Helper()
	var busy sync.WaitGroup
	begun, end := make(chan struct{}), make(chan struct{})
	for range dbtest.PoolSize {
		busy.Go(func() {
			err := f.db.InTx(t.Context(), func(context.Context, *database.Tx) error {
				begun <- struct{}{}
				<-end
				return nil
			})
			if err != nil {
				t.Errorf("occupy a connection: %v", err)
			}
		})
	}
	for range dbtest.PoolSize {
		<-begun
	}
	return func() {
		close(end)
		busy.Wait()
	}
}
