package event_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

func (h *fixture) requireRecordProcessed(t *testing.T, consumer string, e event.Event, want bool) {
	t.Helper()
	var first bool
	err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) (err error) {
		first, err = event.RecordProcessed(ctx, tx, consumer, e, h.clock())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if first != want {
		t.Errorf("%s records %s for the first time: %t, want %t", consumer, e.ID, first, want)
	}
}

func TestRecordProcessed(t *testing.T) {
	t.Parallel()
	h := open(t)

	t.Run("returns true once for a consumer and an event", func(t *testing.T) {
		t.Parallel()
		e := event.Event{ID: uuid.New()}
		h.requireRecordProcessed(t, "thing-store", e, true)
		h.requireRecordProcessed(t, "thing-store", e, false)
		h.requireRecordProcessed(t, "thing-print", e, true)
		h.requireRecordProcessed(t, "thing-store", event.Event{ID: uuid.New()}, true)
	})

	t.Run("returns true again after a rollback", func(t *testing.T) {
		t.Parallel()
		e, failed := event.Event{ID: uuid.New()}, errors.New("failed")
		err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			first, err := event.RecordProcessed(ctx, tx, "thing-store", e, h.clock())
			if !first || err != nil {
				t.Errorf("first: %t, %v", first, err)
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		h.requireRecordProcessed(t, "thing-store", e, true)
	})

	t.Run("leaves the transaction usable if it returns false", func(t *testing.T) {
		t.Parallel()
		seen, other := event.Event{ID: uuid.New()}, event.Event{ID: uuid.New()}
		h.requireRecordProcessed(t, "thing-store", seen, true)
		err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			if first, err := event.RecordProcessed(ctx, tx, "thing-store", seen, h.clock()); first || err != nil {
				t.Errorf("first: %t, %v", first, err)
			}
			_, err := event.RecordProcessed(ctx, tx, "thing-store", other, h.clock())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		h.requireRecordProcessed(t, "thing-store", other, false)
	})

	t.Run("returns true for exactly one of many concurrent deliveries", func(t *testing.T) {
		t.Parallel()
		const deliveries = 8
		e := event.Event{ID: uuid.New()}
		results, errs := make(chan bool, deliveries), make(chan error, deliveries)
		start := make(chan struct{})
		for range deliveries {
			go func() {
				<-start
				errs <- h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
					first, err := event.RecordProcessed(ctx, tx, "thing-store", e, time.Now())
					tx.AfterCommit(func(context.Context) { results <- first })
					return err
				})
			}()
		}
		close(start)
		recorded := 0
		for range deliveries {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
			if <-results {
				recorded++
			}
		}
		if recorded != 1 {
			t.Errorf("%d deliveries were recorded, want 1", recorded)
		}
	})
}

func TestRecordBatch(t *testing.T) {
	t.Parallel()
	h := open(t)
	record := func(t *testing.T, events ...event.Event) (first []bool) {
		t.Helper()
		err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) (err error) {
			first, err = event.RecordBatch(ctx, tx, "thing-store", events, h.clock())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	a, b, c := event.Event{ID: uuid.New()}, event.Event{ID: uuid.New()}, event.Event{ID: uuid.New()}
	for _, test := range []struct {
		name   string
		events []event.Event
		want   []bool
	}{
		{"new events are recorded", []event.Event{a}, []bool{true}},
		{"of two deliveries in a batch the first has the effect", []event.Event{b, b}, []bool{true, false}},
		{"recorded events are found among new ones", []event.Event{a, c, b, c}, []bool{false, true, false, false}},
		{"a batch of recorded events has no effect", []event.Event{a, b, c}, []bool{false, false, false}},
	} {
		if diff := cmp.Diff(test.want, record(t, test.events...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestSelectProcessed(t *testing.T) {
	t.Parallel()
	h := open(t)
	e := newEvent("thing-made", 1)
	isProcessed := func(consumer string) bool {
		t.Helper()
		processed, err := event.SelectProcessed(t.Context(), h.db, consumer, []uuid.UUID{e.ID})
		if err != nil {
			t.Fatal(err)
		}
		return processed[e.ID]
	}
	if isProcessed("a") {
		t.Error("the event is processed before it was recorded")
	}
	err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		_, err := event.RecordProcessed(ctx, tx, "a", e, h.now)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !isProcessed("a") || isProcessed("b") {
		t.Errorf("processed by a: %t, by b: %t; want only by a", isProcessed("a"), isProcessed("b"))
	}
}
