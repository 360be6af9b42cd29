package event_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/shared/event"
)

func TestSweep(t *testing.T) {
	t.Parallel()
	t.Run("publishes pending events in order and once", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.setDown(true)
		h.mustAdd(t, "thing-made", 1, 2, 3) // at one instant
		h.advance(time.Second)
		h.mustAdd(t, "thing-made", 4, 5)
		h.setDown(false)
		h.advance(afterPublishDelay)
		h.mustSweep(t)
		h.mustSweep(t)
		h.requirePublished(t, "1", "2", "3", "4", "5")
		h.requireCount(t, marked, 5)
		if e := h.published[0]; e.AggregateType != "thing" || e.AggregateID == uuid.Nil || e.Type != "thing-made" ||
			!e.Time.Equal(h.now.Add(-afterPublishDelay-time.Second)) || e.ID.Version() != 7 {
			t.Errorf("published was %+v", e)
		}
	})

	t.Run("leaves recent rows to their requests and waits until they are older", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.setDown(true)
		h.mustAdd(t, "thing-made", 1)
		h.setDown(false)
		begin := h.now
		h.onPublish = func(context.Context, []event.Event) {
			if age := h.clock().Sub(begin); age < 10*time.Second || age > 15*time.Second {
				t.Errorf("published after %s", age)
			}
		}
		h.mustSweep(t)
		h.requirePublished(t, "1")
		h.requireCount(t, pending, 0)
	})

	t.Run("does not wait for rows that are published or inserted in the meantime", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.setDown(true)
		h.mustAdd(t, "thing-made", 1)
		polls := 0
		h.onPause = func(d time.Duration) bool {
			h.advance(d)
			if polls++; polls == 2 {
				h.mustExec(t, `UPDATE outbox SET published_at = NOW(6)`)
			}
			h.mustAdd(t, "thing-made", 2)
			return true
		}
		h.mustSweep(t)
		if polls != 2 {
			t.Errorf("waited %d times, want 2", polls)
		}
	})

	t.Run("does not wait if the process is stopping", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.setDown(true)
		h.mustAdd(t, "thing-made", 1)
		h.setDown(false)
		h.onPause = func(time.Duration) bool { return false }
		h.mustSweep(t)
		h.requirePublished(t)
		h.requireCount(t, pending, 1)
	})

	t.Run("fails while publishing fails and does not delete the rows", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.setDown(true)
		h.mustAdd(t, "thing-made", 1, 2)
		h.advance(afterPublishDelay)
		if err := h.Sweep(t.Context()); !errors.Is(err, errDown) {
			t.Errorf("got %v, want %v", err, errDown)
		}
		h.requireCount(t, pending, 2)
	})

	t.Run("publishes to other topics if one topic fails", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.setDown(true)
		h.mustAdd(t, "thing-lost", 1)
		h.mustAdd(t, "thing-made", 2)
		h.reject = func(e event.Event) error {
			if e.Type == "thing-lost" {
				return errDown
			}
			return nil
		}
		h.advance(afterPublishDelay)
		if err := h.Sweep(t.Context()); !errors.Is(err, errDown) {
			t.Errorf("got %v, want %v", err, errDown)
		}
		h.requirePublished(t, "2")
		h.requireCount(t, pending+` AND type = 'thing-lost'`, 1)
		h.setDown(false)
		h.mustSweep(t)
		h.requirePublished(t, "2", "1")
	})

	t.Run("publishes newer events although more than a batch of older ones fails", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.mustInsertPending(t, "thing-lost", 250)
		h.advance(time.Second)
		want := h.mustInsertPending(t, "thing-made", 250)
		h.advance(time.Second)
		h.mustInsertPending(t, "thing-gone", 250)
		h.reject = func(e event.Event) error {
			if e.Type != "thing-made" {
				return errDown
			}
			return nil
		}
		tries := 0
		h.onPublish = func(context.Context, []event.Event) { tries++ }
		h.advance(afterPublishDelay)
		err := h.Sweep(t.Context())
		if err == nil || !strings.Contains(err.Error(), "to thing-lost") || !strings.Contains(err.Error(), "to thing-gone") {
			t.Errorf("got %v, want an error that names both topics", err)
		}
		h.requirePublished(t, want...)
		h.requireCount(t, pending, 500)
		// 200 lost, then 200 made, then 50 made and 150 gone.
		if tries != 3 {
			t.Errorf("published in %d batches, want 3: failed events are not retried", tries)
		}
	})

	t.Run("publishes more than one batch", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		want := h.mustInsertPending(t, "thing-made", 450)
		h.advance(afterPublishDelay)
		h.mustSweep(t)
		h.requirePublished(t, want...)
		h.requireCount(t, pending, 0)
	})

	t.Run("publishes each row once if two sweeps are concurrent", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		want := h.mustInsertPending(t, "thing-made", 250)
		h.advance(afterPublishDelay)
		// The first sweep locks its batch until the second has ended.
		holding, release := make(chan struct{}), make(chan struct{})
		first := true
		h.onPublish = func(context.Context, []event.Event) {
			if first {
				first = false
				close(holding)
				<-release
			}
		}
		done := make(chan error, 1)
		go func() { done <- h.Sweep(t.Context()) }()
		<-holding
		second := h.Sweep(t.Context())
		if got := h.publishedPayloads(); !slices.Equal(got, want[200:]) {
			t.Errorf("the second published %v, want the 50 that the first did not lock", got)
		}
		close(release)
		if err := errors.Join(second, <-done); err != nil {
			t.Fatal(err)
		}
		got := h.publishedPayloads()
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("published rows (-want +got):\n%s", diff)
		}
		h.requireCount(t, pending, 0)
	})
}

// mustInsertPending inserts n pending events of a type into the outbox, a microsecond
// apart, and returns their payloads in order.
func (h *fixture) mustInsertPending(t *testing.T, eventType string, n int) []string {
	t.Helper()
	var rows []string
	var args []any
	var payloads []string
	for i := range n {
		id := uuid.Must(uuid.NewV7())
		payloads = append(payloads, fmt.Sprint(i))
		rows = append(rows, `(?, 'thing', ?, ?, ?, '', ?)`)
		args = append(args, id[:], uuid.NewString(), eventType, payloads[i], h.now.Add(time.Duration(i)*time.Microsecond))
	}
	h.mustExec(t, `INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, traceparent, created_at) VALUES `+strings.Join(rows, ", "), args...)
	return payloads
}
