package event_test

import (
	"context"
	"errors"
	"fmt"
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
	pending = `outbox WHERE published_at IS NULL`
	marked  = `outbox WHERE published_at IS NOT NULL`
	// afterPublishDelay is more than the age at which the sweep publishes a row.
	afterPublishDelay = time.Minute
)

func TestAdd(t *testing.T) {
	t.Parallel()
	t.Run("publishes the event directly after the commit and marks it", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		// Another connection sees the row only after the commit.
		h.onPublish = func(context.Context, []event.Event) { h.requireCount(t, pending, 1) }
		const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
		ctx := telemetry.FromHeader(t.Context(), http.Header{"Traceparent": {"00-" + trace + "-00f067aa0ba902b7-01"}})
		thing := uuid.New()
		err := h.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
			if err := event.NewTopic[map[string]string]("thing-made", "thing").Add(ctx, tx, h.Outbox, thing, map[string]string{"name": "ä\"\\"}); err != nil {
				return err
			}
			if len(h.publishedPayloads()) > 0 {
				t.Error("published before the commit")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		h.requirePublished(t, `{"name":"ä\"\\"}`)
		h.requireCount(t, marked, 1)
		e := h.published[0]
		if e.Type != "thing-made" || e.AggregateType != "thing" || e.AggregateID != thing || !e.Time.Equal(h.now) {
			t.Errorf("published was %+v", e)
		}
		if e.ID.Version() != 7 || !strings.HasPrefix(e.Traceparent, "00-"+trace+"-") {
			t.Errorf("the id is %s, the trace %q", e.ID, e.Traceparent)
		}
	})

	t.Run("does not publish events of a transaction that is rolled back", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		failed := errors.New("failed")
		err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			return errors.Join(thingMade.Add(ctx, tx, h.Outbox, uuid.New(), 1), failed)
		})
		if !errors.Is(err, failed) {
			t.Fatalf("got %v", err)
		}
		h.advance(afterPublishDelay)
		h.mustSweep(t)
		h.requirePublished(t)
		h.requireCount(t, "outbox", 0)
	})

	t.Run("publishes even if the client has disconnected", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		ctx, disconnect := context.WithCancel(t.Context())
		h.onPublish = func(context.Context, []event.Event) { disconnect() }
		err := h.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
			return thingMade.Add(ctx, tx, h.Outbox, uuid.New(), 1)
		})
		if err != nil {
			t.Fatal(err)
		}
		h.requirePublished(t, "1")
		h.requireCount(t, marked, 1)
	})

	t.Run("leaves an event in the outbox that cannot be published, without an error", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.setDown(true)
		h.mustAdd(t, "thing-made", 1)
		h.requireCount(t, pending, 1)
	})

	t.Run("fails the transaction for a payload that cannot be marshalled", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			return event.NewTopic[func()]("thing-made", "thing").Add(ctx, tx, h.Outbox, uuid.New(), func() {})
		})
		if err == nil || !strings.Contains(err.Error(), "thing-made") {
			t.Errorf("got %v", err)
		}
		h.requireCount(t, "outbox", 0)
	})
}

// addBatch adds several events in one transaction, which returns end.
func (h *fixture) addBatch(t *testing.T, end error, params ...event.AddParams[any]) error {
	t.Helper()
	return h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		return errors.Join(event.NewTopic[any]("thing-made", "thing").AddBatch(ctx, tx, h.Outbox, params...), end)
	})
}

func newThings(n int) (params []event.AddParams[any], payloads []string) {
	for i := range n {
		params = append(params, event.AddParams[any]{AggregateID: uuid.New(), Payload: i})
		payloads = append(payloads, fmt.Sprint(i))
	}
	return params, payloads
}

func TestAddBatch(t *testing.T) {
	t.Parallel()
	// More than one batch of the sweep.
	const many = 450

	t.Run("does nothing without events", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.onPublish = func(context.Context, []event.Event) { t.Error("published") }
		if err := h.addBatch(t, nil); err != nil {
			t.Error(err)
		}
		h.requireCount(t, "outbox", 0)
	})

	t.Run("publishes many events in order in one call after the commit and marks each", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		calls := 0
		h.onPublish = func(_ context.Context, events []event.Event) {
			calls++
			h.requireCount(t, pending, len(events)) // visible to others: committed
		}
		params, payloads := newThings(many)
		if err := h.addBatch(t, nil, params...); err != nil {
			t.Fatal(err)
		}
		h.requirePublished(t, payloads...)
		h.requireCount(t, marked, many)
		if calls != 1 {
			t.Errorf("published in %d calls, want 1", calls)
		}
		ids := map[uuid.UUID]bool{}
		for i, e := range h.published {
			ids[e.ID] = true
			if e.AggregateID != params[i].AggregateID || e.Type != "thing-made" || e.AggregateType != "thing" {
				t.Errorf("event %d is %+v, want one of %s", i, e, params[i].AggregateID)
			}
		}
		if len(ids) != many {
			t.Errorf("%d events have %d ids", many, len(ids))
		}
	})

	t.Run("leaves events that could not be published to the sweep, which publishes them in order", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.setDown(true)
		params, payloads := newThings(many)
		if err := h.addBatch(t, nil, params...); err != nil {
			t.Fatal(err)
		}
		h.requireCount(t, pending, many)
		h.setDown(false)
		h.advance(afterPublishDelay)
		h.mustSweep(t)
		h.requirePublished(t, payloads...)
		h.requireCount(t, marked, many)
	})

	t.Run("marks events that were published and leaves the others to the sweep", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		h.reject = func(e event.Event) error {
			if string(e.Payload) == "1" {
				return errDown
			}
			return nil
		}
		params, _ := newThings(3)
		if err := h.addBatch(t, nil, params...); err != nil {
			t.Fatal(err)
		}
		h.requirePublished(t, "0", "2")
		h.requireCount(t, marked, 2)
		h.setDown(false)
		h.advance(afterPublishDelay)
		h.mustSweep(t)
		h.requirePublished(t, "0", "2", "1")
	})

	t.Run("publishes no event of a transaction that is rolled back", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		failed := errors.New("failed")
		params, _ := newThings(3)
		if err := h.addBatch(t, failed, params...); !errors.Is(err, failed) {
			t.Fatalf("got %v", err)
		}
		h.advance(afterPublishDelay)
		h.mustSweep(t)
		h.requirePublished(t)
		h.requireCount(t, "outbox", 0)
	})

	t.Run("inserts no event if one payload cannot be marshalled", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		params, _ := newThings(2)
		bad := event.AddParams[any]{AggregateID: uuid.New(), Payload: func() {}}
		if err := h.addBatch(t, nil, append(params, bad)...); err == nil || !strings.Contains(err.Error(), bad.AggregateID.String()) {
			t.Errorf("got %v, want an error that names %s", err, bad.AggregateID)
		}
		h.requirePublished(t)
		h.requireCount(t, "outbox", 0)
	})
}

func TestPermit(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.Outbox = event.NewOutbox(h.db, h, h.clock, h.pause, event.Permit([]string{"order-placed"}))
	add := func(eventType string) error {
		return h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			return event.NewTopic[struct{}](eventType, "order").Add(ctx, tx, h.Outbox, uuid.New(), struct{}{})
		})
	}
	if err := add("order-placed"); err != nil {
		t.Errorf("a permitted event: %v", err)
	}
	if err := add("order-lost"); err == nil || !strings.Contains(err.Error(), "order-lost") {
		t.Errorf("an event that is not permitted: %v, want an error with its name", err)
	}
}
