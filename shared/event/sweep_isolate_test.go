package event_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"souk/shared/event"
)

// TestSweepIsolates has rows that cannot be read, and such as Pub/Sub refuses, stand
// before all others: more of them than a batch.
func TestSweepIsolates(t *testing.T) {
	t.Parallel()
	const bad = 250
	for name, spoil := range map[string]func(t *testing.T, h *house){
		"rows whose aggregate cannot be read": func(t *testing.T, h *house) {
			h.mustExec(t, `UPDATE outbox SET aggregateid = 'no id'`)
		},
		"rows whose payload is no JSON": func(t *testing.T, h *house) {
			h.mustExec(t, `UPDATE outbox SET payload = '{"half":'`)
		},
		"messages that Pub/Sub refuses": func(t *testing.T, h *house) {
			h.mustExec(t, `UPDATE outbox SET payload = '"refused"'`)
		},
		"messages that are too large": func(t *testing.T, h *house) {
			h.mustExec(t, `UPDATE outbox SET payload = '"large"'`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.mustLeave(t, "thing-made", bad)
			spoil(t, h)
			h.pass(time.Second)
			want := h.mustLeave(t, "thing-made", 30) // of the same type
			h.refuse = func(e event.Event) error {
				switch string(e.Payload) {
				case `"refused"`:
					return status.Error(codes.InvalidArgument, "the message is invalid")
				case `"large"`:
					return pubsub.ErrOversizedMessage
				}
				return nil
			}
			h.pass(untilSwept)
			for range 2 {
				err := h.Sweep(t.Context())
				if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("and %d more errors", bad-20)) {
					t.Errorf("got %v, want an error that counts %d rows", err, bad)
				}
				h.requirePublished(t, want...)
			}
			h.mustCount(t, unpublished, bad)
		})
	}
}
