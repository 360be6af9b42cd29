package event_test

import (
	"testing"
	"time"

	"souk/shared/event"
)

func TestRepublish(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.mustAdd(t, "thing-made", 1)
	h.advance(time.Hour)
	lost := h.clock()
	for n := range 1100 { // More rows than one statement marks.
		h.mustAdd(t, "thing-made", 2+n)
	}
	h.requireCount(t, marked, 1101)
	published := len(h.publishedPayloads())

	events, err := event.Republish(t.Context(), h.db, lost)
	if err != nil {
		t.Fatal(err)
	}
	if events != 1100 {
		t.Errorf("%d events are to be published again, want 1100", events)
	}
	h.requireCount(t, pending, 1100)
	h.advance(afterPublishDelay)
	h.mustSweep(t)
	if again := len(h.publishedPayloads()) - published; again != 1100 {
		t.Errorf("%d events were published again, want 1100", again)
	}
	h.requireCount(t, pending, 0)
}
