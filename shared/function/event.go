package function

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/manifest"
)

// Event returns a function that Pub/Sub calls with a message of one of its topics. The
// handler's effect, the event's row in the inbox and the events that the handler adds to
// the outbox are one transaction. The handler is not called for an event that it has
// processed before, and must ignore unknown payload fields. After an error Pub/Sub redelivers the
// message and finally sends it to the dead-letter topic.
func Event[P any](name string, handler func(ctx context.Context, tx *database.Tx, e event.Event, payload P) error) Function {
	return Function{Name: name, handler: handler, Payload: reflect.TypeFor[P](), newEndpoint: func(entry manifest.Function, d *endpointDeps) (endpoint, error) {
		return onEvent(name, entry, d, func(ctx context.Context, e event.Event, payload P) error {
			return d.runtime.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
				first, err := event.RecordProcessed(ctx, tx, name, e, d.runtime.Now())
				if err != nil || !first {
					return err
				}
				return handler(ctx, tx, e, payload)
			})
		})
	}}
}

// EventWithoutTx returns a function that Pub/Sub calls like one of Event, but without an open
// transaction while the handler runs. It is for effects outside the database, such as a mail.
// The handler is called for every delivery and must itself record processed events in the
// inbox (event.RecordProcessed), under the function's name.
func EventWithoutTx[P any](name string, handler func(ctx context.Context, e event.Event, payload P) error) Function {
	return Function{Name: name, handler: handler, Payload: reflect.TypeFor[P](), newEndpoint: func(entry manifest.Function, d *endpointDeps) (endpoint, error) {
		e, err := onEvent(name, entry, d, handler)
		e.sharesConnections = true // a mail is sent without one
		return e, err
	}}
}

// onEvent returns the endpoint of a function's messages. It decodes messages of the
// function's topics and refuses others.
func onEvent[P any](name string, entry manifest.Function, d *endpointDeps, handle func(context.Context, event.Event, P) error) (endpoint, error) {
	if len(entry.Events) == 0 {
		return endpoint{}, fmt.Errorf("%s: is an event function, but has no events in functions.yaml", name)
	}
	decodeAndHandle := func(ctx context.Context, e event.Event) error {
		if !slices.Contains(entry.Events, e.Type) {
			// The payload of another event might decode and have another meaning.
			return fmt.Errorf("event %s is a %s, which %s does not accept", e.ID, e.Type, name)
		}
		var payload P
		if err := json.Unmarshal(e.Payload, &payload); err != nil {
			return fmt.Errorf("decode the payload of %s %s: %w", e.Type, e.ID, err)
		}
		return handle(ctx, e, payload)
	}
	return endpoint{entry: entry, handler: d.push(event.Push.Event, decodeAndHandle)}, nil
}
