package function

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/manifest"
)

// Event returns a function that Pub/Sub calls with a message of one of its
// topics. The handler's effect, the note that the event was received and the
// events that the handler adds to the outbox are one transaction; an event that
// was received before does not reach the handler. The handler must leave alone
// payload fields that it does not know. An error makes Pub/Sub deliver the
// message again and, in the end, to the dead-letter topic.
func Event[P any](name string, handler func(ctx context.Context, tx *database.Tx, e event.Event, payload P) error) Function {
	return Function{Name: name, handler: handler, Payload: reflect.TypeFor[P](), bind: func(entry manifest.Function, b *binder) (http.Handler, error) {
		return onEvent(name, entry, b, func(ctx context.Context, e event.Event, payload P) error {
			return b.runtime.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
				first, err := event.Receive(ctx, tx, name, e, b.runtime.Now())
				if err != nil || !first {
					return err
				}
				return handler(ctx, tx, e, payload)
			})
		})
	}}
}

// Effect returns a function that Pub/Sub calls as it calls one of Event, for an
// effect outside the database, such as a mail: no transaction is open while the
// handler runs. The handler gets every delivery, and records in the inbox, under the
// function's name, which events are done.
func Effect[P any](name string, handler func(ctx context.Context, e event.Event, payload P) error) Function {
	return Function{Name: name, handler: handler, Payload: reflect.TypeFor[P](), bind: func(entry manifest.Function, b *binder) (http.Handler, error) {
		return onEvent(name, entry, b, handler)
	}}
}

// onEvent returns the handler of a function's messages, which hands over those that
// are of its topics, decoded.
func onEvent[P any](name string, entry manifest.Function, b *binder, handle func(context.Context, event.Event, P) error) (http.Handler, error) {
	if len(entry.Events) == 0 {
		return nil, fmt.Errorf("%s: is written for events, but has none in the list of functions", name)
	}
	return b.push(event.Push.Event, func(ctx context.Context, e event.Event) error {
		if !slices.Contains(entry.Events, e.Type) {
			// The payload of another event could decode, and mean something else.
			return fmt.Errorf("event %s is a %s, which %s does not take", e.ID, e.Type, name)
		}
		var payload P
		if err := json.Unmarshal(e.Payload, &payload); err != nil {
			return fmt.Errorf("decode the payload of %s %s: %w", e.Type, e.ID, err)
		}
		return handle(ctx, e, payload)
	}), nil
}
