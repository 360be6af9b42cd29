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

// TestSweepIsolates has more than a batch of rows that cannot be read, or that Pub/Sub
// rejects, before all others.
func TestSweepIsolates(t *testing.T) {
	t.Parallel()
	const bad = 250
	for name, corrupt := range map[string]func(t *testing.T, h *fixture){
		"rows whose aggregate cannot be read": func(t *testing.T, h *fixture) {
			h.mustExec(t, `UPDATE outbox SET aggregateid = 'no id'`)
		},
		"rows whose attributes are not those of a message": func(t *testing.T, h *fixture) {
			h.mustExec(t, `UPDATE outbox SET attributes = '[1]'`)
		},
		"rows whose payload is not JSON": func(t *testing.T, h *fixture) {
			h.mustExec(t, `UPDATE outbox SET payload = '{"half":'`)
		},
		"messages that Pub/Sub rejects": func(t *testing.T, h *fixture) {
			h.mustExec(t, `UPDATE outbox SET payload = '"rejected"'`)
		},
		"messages that are too large": func(t *testing.T, h *fixture) {
			h.mustExec(t, `UPDATE outbox SET payload = '"large"'`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.mustInsertPending(t, "thing-made", bad)
			corrupt(t, h)
			h.advance(time.Second)
			want := h.mustInsertPending(t, "thing-made", 30) // of the same type
			h.reject = func(e event.Event) error {
				switch string(e.Payload) {
				case `"rejected"`:
					return status.Error(codes.InvalidArgument, "the message is invalid")
				case `"large"`:
					return pubsub.ErrOversizedMessage
				}
				return nil
			}
			h.advance(afterPublishDelay)
			for range 2 {
				err := h.Sweep(t.Context())
				if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("and %d more errors", bad-20)) {
					t.Errorf("got %v, want an error that counts %d rows", err, bad)
				}
				h.requirePublished(t, want...)
			}
			h.requireCount(t, pending, bad)
		})
	}
}
