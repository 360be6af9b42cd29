package event_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/event"
)

func TestSweep(t *testing.T) {
	t.Parallel()
	t.Run("publishes what was left, in order, whole and once", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.down(true)
		h.mustAdd(t, "thing-made", 1, 2, 3) // of one instant
		h.pass(time.Second)
		h.mustAdd(t, "thing-made", 4, 5)
		h.down(false)
		h.pass(untilSwept)
		h.mustSweep(t)
		h.mustSweep(t)
		h.requirePublished(t, "1", "2", "3", "4", "5")
		h.mustCount(t, marked, 5)
		if e := h.published[0]; e.AggregateType != "thing" || e.AggregateID == uuid.Nil || e.Type != "thing-made" ||
			!e.Time.Equal(h.now.Add(-untilSwept-time.Second)) || e.ID.Version() != 7 {
			t.Errorf("published was %+v", e)
		}
	})

	t.Run("leaves young rows to the requests that wrote them, and waits until they are not young", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.down(true)
		h.mustAdd(t, "thing-made", 1)
		h.down(false)
		begin := h.now
		h.onPublish = func(context.Context, []event.Event) {
			if age := h.clock().Sub(begin); age < 10*time.Second || age > 15*time.Second {
				t.Errorf("published after %s", age)
			}
		}
		h.mustSweep(t)
		h.requirePublished(t, "1")
		h.mustCount(t, unpublished, 0)
	})

	t.Run("does not wait for rows that are published meanwhile, nor for those that come meanwhile", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.down(true)
		h.mustAdd(t, "thing-made", 1)
		polls := 0
		h.onPause = func(d time.Duration) bool {
			h.pass(d)
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

	t.Run("does not wait when the process is to stop", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.down(true)
		h.mustAdd(t, "thing-made", 1)
		h.down(false)
		h.onPause = func(time.Duration) bool { return false }
		h.mustSweep(t)
		h.requirePublished(t)
		h.mustCount(t, unpublished, 1)
	})

	t.Run("fails while nothing can be published, and keeps the rows", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.down(true)
		h.mustAdd(t, "thing-made", 1, 2)
		h.pass(untilSwept)
		if err := h.Sweep(t.Context()); !errors.Is(err, errDown) {
			t.Errorf("got %v, want %v", err, errDown)
		}
		h.mustCount(t, unpublished, 2)
	})

	t.Run("does not let one bad topic hold up the others", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.down(true)
		h.mustAdd(t, "thing-lost", 1)
		h.mustAdd(t, "thing-made", 2)
		h.refuse = func(e event.Event) error {
			if e.Type == "thing-lost" {
				return errDown
			}
			return nil
		}
		h.pass(untilSwept)
		if err := h.Sweep(t.Context()); !errors.Is(err, errDown) {
			t.Errorf("got %v, want %v", err, errDown)
		}
		h.requirePublished(t, "2")
		h.mustCount(t, unpublished+` AND type = 'thing-lost'`, 1)
		h.down(false)
		h.mustSweep(t)
		h.requirePublished(t, "2", "1")
	})

	t.Run("does not let more than a batch of what fails hold up what is younger", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.mustLeave(t, "thing-lost", 250)
		h.pass(time.Second)
		want := h.mustLeave(t, "thing-made", 250)
		h.pass(time.Second)
		h.mustLeave(t, "thing-gone", 250)
		h.refuse = func(e event.Event) error {
			if e.Type != "thing-made" {
				return errDown
			}
			return nil
		}
		tries := 0
		h.onPublish = func(context.Context, []event.Event) { tries++ }
		h.pass(untilSwept)
		err := h.Sweep(t.Context())
		if err == nil || !strings.Contains(err.Error(), "to thing-lost") || !strings.Contains(err.Error(), "to thing-gone") {
			t.Errorf("got %v, want an error that names what failed", err)
		}
		h.requirePublished(t, want...)
		h.mustCount(t, unpublished, 500)
		// 200 lost, then 200 made, then 50 made and 150 gone, and no more.
		if tries != 3 {
			t.Errorf("published in %d batches, want 3: what failed is not tried again", tries)
		}
	})

	t.Run("publishes more than one batch in one go", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		want := h.mustLeave(t, "thing-made", 450)
		h.pass(untilSwept)
		h.mustSweep(t)
		h.requirePublished(t, want...)
		h.mustCount(t, unpublished, 0)
	})

	t.Run("publishes each row once when two run at once", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		want := h.mustLeave(t, "thing-made", 250)
		h.pass(untilSwept)
		// The first sweep holds its batch until the second is through.
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
			t.Errorf("the second published %v, want the 50 that the first did not hold", got)
		}
		close(release)
		if err := errors.Join(second, <-done); err != nil {
			t.Fatal(err)
		}
		got := h.publishedPayloads()
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("published were %d rows, want each of %d once", len(got), len(want))
		}
		h.mustCount(t, unpublished, 0)
	})
}

// mustLeave puts n unpublished events of a type into the outbox, a microsecond apart, and
// returns their payloads in order.
func (h *house) mustLeave(t *testing.T, eventType string, n int) []string {
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
