package event_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/telemetry"
)

const (
	unpublished = `outbox WHERE published_at IS NULL`
	marked      = `outbox WHERE published_at IS NOT NULL`
	// aMinute is more than the time for which a row is left to its request.
	aMinute = time.Minute
)

func TestAdd(t *testing.T) {
	t.Parallel()
	t.Run("publishes the whole event right after the commit, and marks it", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		// Another connection sees the row only once the transaction is committed.
		h.onPublish = func(context.Context, []event.Event) { h.mustCount(t, unpublished, 1) }
		const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
		ctx := telemetry.FromHeader(t.Context(), http.Header{"Traceparent": {"00-" + trace + "-00f067aa0ba902b7-01"}})
		thing := uuid.New()
		err := h.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
			if err := h.Add(ctx, tx, "thing-made", "thing", thing, map[string]string{"name": "ä\"\\"}); err != nil {
				return err
			}
			if len(h.told()) > 0 {
				t.Error("published before the commit")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		h.mustTell(t, `{"name":"ä\"\\"}`)
		h.mustCount(t, marked, 1)
		e := h.published[0]
		if e.Type != "thing-made" || e.AggregateType != "thing" || e.AggregateID != thing || !e.Time.Equal(h.now) {
			t.Errorf("published was %+v", e)
		}
		if e.ID.Version() != 7 || !strings.HasPrefix(e.Traceparent, "00-"+trace+"-") {
			t.Errorf("the id is %s, the trace %q", e.ID, e.Traceparent)
		}
	})

	t.Run("publishes nothing of a transaction that is rolled back", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		failed := errors.New("failed")
		err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			return errors.Join(h.Add(ctx, tx, "thing-made", "thing", uuid.New(), 1), failed)
		})
		if !errors.Is(err, failed) {
			t.Fatalf("got %v", err)
		}
		h.pass(aMinute)
		h.mustSweep(t)
		h.mustTell(t)
		h.mustCount(t, "outbox", 0)
	})

	t.Run("publishes even when the client has left", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		ctx, leave := context.WithCancel(t.Context())
		h.onPublish = func(context.Context, []event.Event) { leave() }
		err := h.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
			return h.Add(ctx, tx, "thing-made", "thing", uuid.New(), 1)
		})
		if err != nil {
			t.Fatal(err)
		}
		h.mustTell(t, "1")
		h.mustCount(t, marked, 1)
	})

	t.Run("leaves an event in the outbox that cannot be published, and the caller does not notice", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.down(true)
		h.mustAdd(t, "thing-made", 1)
		h.mustCount(t, unpublished, 1)
	})

	t.Run("refuses a payload that is no JSON, and with it the transaction", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			return h.Add(ctx, tx, "thing-made", "thing", uuid.New(), func() {})
		})
		if err == nil || !strings.Contains(err.Error(), "thing-made") {
			t.Errorf("got %v", err)
		}
		h.mustCount(t, "outbox", 0)
	})
}

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
		h.pass(aMinute)
		h.mustSweep(t)
		h.mustSweep(t)
		h.mustTell(t, "1", "2", "3", "4", "5")
		h.mustCount(t, marked, 5)
		if e := h.published[0]; e.AggregateType != "thing" || e.AggregateID == uuid.Nil || e.Type != "thing-made" ||
			!e.Time.Equal(h.now.Add(-aMinute-time.Second)) || e.ID.Version() != 7 {
			t.Errorf("published was %+v", e)
		}
	})

	t.Run("leaves young rows to the requests that wrote them", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.down(true)
		h.mustAdd(t, "thing-made", 1)
		h.down(false)
		h.pass(9 * time.Second)
		h.mustSweep(t)
		h.mustTell(t)
		h.pass(2 * time.Second)
		h.mustSweep(t)
		h.mustTell(t, "1")
	})

	t.Run("fails while nothing can be published, and keeps the rows", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.down(true)
		h.mustAdd(t, "thing-made", 1, 2)
		h.pass(aMinute)
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
		h.pass(aMinute)
		h.mustSweep(t)
		h.mustTell(t, "2")
		h.mustCount(t, unpublished+` AND type = 'thing-lost'`, 1)
		h.down(false)
		h.mustSweep(t)
		h.mustTell(t, "2", "1")
	})

	t.Run("publishes more than one batch in one go", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		want := h.mustLeave(t, 450)
		h.pass(aMinute)
		h.mustSweep(t)
		h.mustTell(t, want...)
		h.mustCount(t, unpublished, 0)
	})

	t.Run("publishes each row once when two run at once", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		want := h.mustLeave(t, 250)
		h.pass(aMinute)
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
		if got := h.told(); !slices.Equal(got, want[200:]) {
			t.Errorf("the second published %v, want the 50 that the first did not hold", got)
		}
		close(release)
		if err := errors.Join(second, <-done); err != nil {
			t.Fatal(err)
		}
		got := h.told()
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("published were %d rows, want each of %d once", len(got), len(want))
		}
		h.mustCount(t, unpublished, 0)
	})
}

// mustLeave puts n unpublished events into the outbox, a microsecond apart, and
// returns their payloads in order.
func (h *house) mustLeave(t *testing.T, n int) []string {
	t.Helper()
	var rows []string
	var args []any
	var payloads []string
	for i := range n {
		id := uuid.Must(uuid.NewV7())
		payloads = append(payloads, fmt.Sprint(i))
		rows = append(rows, `(?, 'thing', ?, 'thing-made', ?, '', ?)`)
		args = append(args, id[:], uuid.NewString(), payloads[i], h.now.Add(time.Duration(i)*time.Microsecond))
	}
	h.mustExec(t, `INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, traceparent, created_at) VALUES `+strings.Join(rows, ", "), args...)
	return payloads
}
