package event_test

import (
	"context"
	"errors"
	"net/http"
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
	// untilSwept is more than the time for which a row is left to its request.
	untilSwept = time.Minute
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
		h.pass(untilSwept)
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

func TestPermit(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.Permit([]string{"order-placed"})
	add := func(eventType string) error {
		return h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			return h.Add(ctx, tx, eventType, "order", uuid.New(), struct{}{})
		})
	}
	if err := add("order-placed"); err != nil {
		t.Errorf("an event that is listed: %v", err)
	}
	if err := add("order-lost"); err == nil || !strings.Contains(err.Error(), "order-lost") {
		t.Errorf("an event that nothing lists: %v, want an error that names it", err)
	}
}
