package event_test

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"souk/shared/event"
)

// TestOutageOfPubSub has requests add events in an outage and right after it.
func TestOutageOfPubSub(t *testing.T) {
	t.Parallel()
	h := open(t)
	tried := 0
	h.onPublish = func(context.Context, []event.Event) { tried++ }
	h.reject = func(event.Event) error { return status.Error(codes.Unavailable, "connection refused") }
	for i := range 10 {
		h.mustAdd(t, "thing-made", i)
	}
	if tried != 3 {
		t.Errorf("requests tried to publish %d times, want 3: the following ones respond at once", tried)
	}
	h.setDown(false)
	h.mustAdd(t, "thing-made", 10)
	h.requirePublished(t)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.requirePublished(t, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10")
	h.mustAdd(t, "thing-made", 11)
	h.requirePublished(t, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11")
}
