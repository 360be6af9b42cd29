package event_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/event"
)

// openWithPool is like open, with a pool of that many connections. marks returns how many
// statements marked events.
func openWithPool(t *testing.T, connections int) (h *fixture, marks func() int64) {
	t.Helper()
	url := dbtest.Create(t, event.Migrations)
	var marking atomic.Int64
	proxy := dbtest.NewProxy(t, url, func(statement string) dbtest.Fate {
		if containsMark(statement) {
			marking.Add(1)
		}
		return dbtest.Pass
	})
	db, err := database.Open(database.Config{URL: proxy.URL, MaxOpenConns: connections})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	h = &fixture{db: db, now: time.Date(2026, 5, 6, 7, 8, 9, 123_456_000, time.UTC)}
	h.Outbox = event.NewOutbox(h.db, h, h.clock, h.pause)
	return h, marking.Load
}

// TestConcurrentMarks commits and publishes in a hundred concurrent requests with a pool of
// a few connections, so that requests always wait for a connection: every event is marked,
// by fewer statements than events, and no sweep publishes one again.
func TestConcurrentMarks(t *testing.T) {
	t.Parallel()
	for _, connections := range []int{1, 2} {
		t.Run(fmt.Sprint("of ", connections), func(t *testing.T) {
			t.Parallel()
			h, marks := openWithPool(t, connections)
			const clients, each = 100, 5
			var all sync.WaitGroup
			for range clients {
				all.Go(func() {
					for range each {
						h.mustAdd(t, "thing-made", 1)
					}
				})
			}
			all.Wait()
			h.requireCount(t, marked, clients*each)
			if n := marks(); n >= clients*each {
				t.Errorf("%d statements marked %d events: marks are not coalesced", n, clients*each)
			}
			h.advance(afterPublishDelay)
			h.mustSweep(t)
			if n := len(h.publishedPayloads()); n != clients*each {
				t.Errorf("%d events were published %d times", clients*each, n)
			}
		})
	}
}

// TestMarkBehindTransactions has requests waiting for the only connection when an event is
// to be marked, and adds more until it is marked.
func TestMarkBehindTransactions(t *testing.T) {
	t.Parallel()
	h, _ := openWithPool(t, 1)
	var markedNow atomic.Bool
	var queue sync.WaitGroup
	var enqueue func()
	enqueue = func() {
		queue.Go(func() {
			err := h.db.InTx(t.Context(), func(context.Context, *database.Tx) error {
				if !markedNow.Load() {
					enqueue() // another request waits before this one releases the connection
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	h.onPublish = func(context.Context, []event.Event) {
		for range 50 {
			enqueue()
		}
	}
	h.mustAdd(t, "thing-made", 1)
	markedNow.Store(true)
	queue.Wait()
	h.requireCount(t, marked, 1)
}

// TestMarkAfterSlowPublish exhausts the timeout of publishing: the mark has a timeout of its
// own.
func TestMarkAfterSlowPublish(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.slow = true
	h.mustAdd(t, "thing-made", 1)
	h.requireCount(t, marked, 1)
}

// TestMarkIsRetried loses the connection of the first mark.
func TestMarkIsRetried(t *testing.T) {
	t.Parallel()
	url := dbtest.Create(t, event.Migrations)
	var cuts atomic.Int64
	proxy := dbtest.NewProxy(t, url, func(statement string) dbtest.Fate {
		if containsMark(statement) && cuts.Add(1) == 1 {
			return dbtest.CutBefore
		}
		return dbtest.Pass
	})
	db, err := database.Open(database.Config{URL: proxy.URL, MaxOpenConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	h := &fixture{db: db, now: time.Now()}
	h.Outbox = event.NewOutbox(db, h, h.clock, h.pause)
	h.mustAdd(t, "thing-made", 1)
	h.requireCount(t, marked, 1)
	if cuts.Load() != 2 {
		t.Errorf("marked by %d statements, want 2", cuts.Load())
	}
}

// TestMarkTimesOut has the server hang at the mark: the request ends, and the event remains
// for the sweep.
func TestMarkTimesOut(t *testing.T) {
	t.Parallel()
	url := dbtest.Create(t, event.Migrations)
	proxy := dbtest.NewProxy(t, url, func(statement string) dbtest.Fate {
		if containsMark(statement) {
			return dbtest.Hang
		}
		return dbtest.Pass
	})
	db, err := database.Open(database.Config{URL: proxy.URL, MaxOpenConns: 2, StatementTimeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	h := &fixture{db: db, now: time.Now()}
	h.Outbox = event.NewOutbox(db, h, h.clock, h.pause)
	err = h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		return thingMade.Add(ctx, tx, h.Outbox, uuid.New(), 1)
	})
	if err != nil {
		t.Errorf("the request fails because of its mark: %v", err)
	}
	h.requireCount(t, pending, 1)
	if err := h.db.PingContext(t.Context()); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
