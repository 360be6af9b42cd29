package event_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

func (h *fixture) requireReceive(t *testing.T, consumer string, e event.Event, want bool) {
	t.Helper()
	var first bool
	err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) (err error) {
		first, err = event.Receive(ctx, tx, consumer, e, h.clock())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if first != want {
		t.Errorf("%s receives %s for the first time: %t, want %t", consumer, e.ID, first, want)
	}
}

func TestReceive(t *testing.T) {
	t.Parallel()
	h := open(t)

	t.Run("returns true once for a consumer and an event", func(t *testing.T) {
		t.Parallel()
		e := event.Event{ID: uuid.New()}
		h.requireReceive(t, "keep", e, true)
		h.requireReceive(t, "keep", e, false)
		h.requireReceive(t, "show", e, true)
		h.requireReceive(t, "keep", event.Event{ID: uuid.New()}, true)
	})

	t.Run("returns true again after a rollback", func(t *testing.T) {
		t.Parallel()
		e, failed := event.Event{ID: uuid.New()}, errors.New("failed")
		err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			first, err := event.Receive(ctx, tx, "keep", e, h.clock())
			if !first || err != nil {
				t.Errorf("first: %t, %v", first, err)
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		h.requireReceive(t, "keep", e, true)
	})

	t.Run("leaves the transaction usable if it returns false", func(t *testing.T) {
		t.Parallel()
		seen, other := event.Event{ID: uuid.New()}, event.Event{ID: uuid.New()}
		h.requireReceive(t, "keep", seen, true)
		err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			if first, err := event.Receive(ctx, tx, "keep", seen, h.clock()); first || err != nil {
				t.Errorf("first: %t, %v", first, err)
			}
			_, err := event.Receive(ctx, tx, "keep", other, h.clock())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		h.requireReceive(t, "keep", other, false)
	})

	t.Run("returns true for exactly one of many concurrent deliveries", func(t *testing.T) {
		t.Parallel()
		const deliveries = 8
		e := event.Event{ID: uuid.New()}
		wins, errs := make(chan bool, deliveries), make(chan error, deliveries)
		start := make(chan struct{})
		for range deliveries {
			go func() {
				<-start
				errs <- h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
					first, err := event.Receive(ctx, tx, "keep", e, time.Now())
					tx.AfterCommit(func(context.Context) { wins <- first })
					return err
				})
			}()
		}
		close(start)
		firsts := 0
		for range deliveries {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
			if <-wins {
				firsts++
			}
		}
		if firsts != 1 {
			t.Errorf("%d deliveries were the first, want 1", firsts)
		}
	})
}

func TestReceived(t *testing.T) {
	t.Parallel()
	h := open(t)
	e := newEvent("thing-made", 1)
	received := func(consumer string) bool {
		t.Helper()
		has, err := event.Received(t.Context(), h.db, consumer, e)
		if err != nil {
			t.Fatal(err)
		}
		return has
	}
	if received("a") {
		t.Error("it is in the inbox before it was received")
	}
	err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		_, err := event.Receive(ctx, tx, "a", e, h.now)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !received("a") || received("b") {
		t.Errorf("received by a: %t, by b: %t; want only by a", received("a"), received("b"))
	}
}
