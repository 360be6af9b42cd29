package function

import (
	"context"
	"reflect"

	"souk/shared/batch"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/manifest"
)

// Message is a message of a batch.
type Message[P any] struct {
	Event   event.Event
	Payload P
	// Context is that of the delivery, for its trace and its log entries.
	Context context.Context
}

// EventBatch returns a function like one of Event, whose messages that are in the process at
// the same time share a transaction: see package batch. The handler is called with the messages
// that it has not processed before, in the order of their arrival, and must have the same effect
// as if it were called with each of them, one after the other. If it returns an error, it is
// called with fewer of them, until the message that fails is alone.
func EventBatch[P any](name string, handler func(ctx context.Context, tx *database.Tx, messages []Message[P]) error) Function {
	return Function{Name: name, handler: handler, Payload: reflect.TypeFor[P](), newEndpoint: func(entry manifest.Function, d *endpointDeps) (endpoint, error) {
		batcher := batch.New(d.runtime.DB, d.runtime.Batch, func(ctx context.Context, tx *database.Tx, messages []Message[P]) error {
			first, err := recordMessages(ctx, tx, name, messages, d.runtime)
			if err != nil || len(first) == 0 {
				return err
			}
			return handler(ctx, tx, first)
		})
		e, err := onEvent(name, entry, d, func(ctx context.Context, e event.Event, payload P) error {
			return batcher.Do(ctx, Message[P]{Event: e, Payload: payload, Context: ctx}, len(e.Payload))
		})
		e.sharesConnections = true
		return e, err
	}}
}

// recordMessages records messages in the inbox, and returns those that must have an effect.
func recordMessages[P any](ctx context.Context, tx *database.Tx, consumer string, messages []Message[P], runtime *Runtime) ([]Message[P], error) {
	events := make([]event.Event, len(messages))
	for i := range messages {
		events[i] = messages[i].Event
	}
	first, err := event.RecordBatch(ctx, tx, consumer, events, runtime.Now())
	if err != nil {
		return nil, err
	}
	var unprocessed []Message[P]
	for i := range messages {
		if first[i] {
			unprocessed = append(unprocessed, messages[i])
		}
	}
	return unprocessed, nil
}
