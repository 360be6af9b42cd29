package function

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"souk/shared/api"
	"souk/shared/event"
)

// ackMargin is the part of the acknowledgement deadline that is reserved for sending the
// response.
const ackMargin = 2 * time.Second

// push returns the handler of Pub/Sub's requests. It responds with 204 if handle succeeds;
// after any other status Pub/Sub redelivers the message.
//
// It parses the request itself instead of using functions.CloudEvent, whose conversion loses
// the subscription, the delivery attempt and the token (docs/adr/0001).
func (d *endpointDeps) push(read func(event.Push) (event.Event, error), handle func(context.Context, event.Event) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var push event.Push
		if err := json.NewDecoder(r.Body).Decode(&push); err != nil {
			slog.WarnContext(r.Context(), "decode push request", "error", err)
			api.Invalid("body", api.FieldSyntax, "not a Pub/Sub push request").Write(w, r)
			return
		}
		e, err := read(push)
		if err != nil {
			slog.ErrorContext(r.Context(), "decode message attributes", "subscription", push.Subscription,
				"messageId", push.Message.MessageID, "attempt", push.DeliveryAttempt, "error", err)
			api.Invalid("body.message.attributes", api.FieldFormat, "not an event of this shop").Write(w, r)
			return
		}
		ctx := d.runtime.continueTrace(w, r, push, e)
		ctx, cancel := context.WithTimeout(ctx, d.delivery.AckDeadline-ackMargin)
		defer cancel()
		if err := handle(ctx, e); err != nil {
			level := slog.LevelError
			if event.IsLater(err) {
				level = slog.LevelWarn
			}
			slog.Log(ctx, level, "process event", "subscription", push.Subscription, "event", e.ID,
				"type", e.Type, "attempt", push.DeliveryAttempt, "error", err)
			api.Internal().Write(w, r.WithContext(ctx))
			return
		}
		slog.DebugContext(ctx, "processed event", "subscription", push.Subscription, "event", e.ID, "type", e.Type)
		w.WriteHeader(http.StatusNoContent)
	})
}
