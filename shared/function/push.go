package function

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"souk/shared/api"
	"souk/shared/event"
	"souk/shared/telemetry"
)

// maxPushBytes bounds a push request: Pub/Sub's largest message is 10 MB, and
// base64 makes a third more of it.
const maxPushBytes = 14 << 20

// ackMargin is left of the acknowledgement deadline for the answer to arrive.
const ackMargin = 2 * time.Second

// push returns the handler of Pub/Sub's requests. It answers 204 when handle
// succeeded; any other status makes Pub/Sub deliver the message again.
//
// It reads the request itself, where functions.CloudEvent would convert it: the
// conversion loses the subscription and the delivery attempt, and gives no way
// to see the token (docs/adr/0001).
func (b *binder) push(read func(event.Push) (event.Event, error), handle func(context.Context, event.Event) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var push event.Push
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxPushBytes)).Decode(&push); err != nil {
			slog.WarnContext(r.Context(), "not a push request", "error", err)
			api.Invalid("body", api.FieldSyntax, "not a Pub/Sub push request").Write(w, r)
			return
		}
		e, err := read(push)
		if err != nil {
			slog.ErrorContext(r.Context(), "the message has no envelope", "subscription", push.Subscription,
				"messageId", push.Message.MessageID, "attempt", push.DeliveryAttempt, "error", err)
			api.Invalid("body.message.attributes", api.FieldFormat, "not an event of this shop").Write(w, r)
			return
		}
		// The trace goes on from the function that published, not from Pub/Sub.
		ctx := telemetry.FromAttribute(r.Context(), e.Traceparent)
		if a, ok := w.(*answer); ok {
			a.ctx = ctx
		}
		ctx, cancel := context.WithTimeout(ctx, b.delivery.AckDeadline-ackMargin)
		defer cancel()
		if err := handle(ctx, e); err != nil {
			slog.ErrorContext(ctx, "the event failed", "subscription", push.Subscription, "event", e.ID,
				"type", e.Type, "attempt", push.DeliveryAttempt, "error", err)
			api.Internal().Write(w, r.WithContext(ctx))
			return
		}
		slog.DebugContext(ctx, "the event is done", "subscription", push.Subscription, "event", e.ID, "type", e.Type)
		w.WriteHeader(http.StatusNoContent)
	})
}
