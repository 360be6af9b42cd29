package event

import (
	"context"
	"reflect"

	"github.com/google/uuid"

	"souk/shared/database"
)

// Topic is a Pub/Sub topic whose events have a payload of type P and concern aggregates
// of one type. Events are added only through a Topic, so that a payload of another type
// does not compile:
//
//	var OrderPlaced = event.NewTopic[Placed]("order-placed", "order")
type Topic[P any] struct{ name, aggregateType string }

// AnyTopic is a Topic with a payload of any type.
type AnyTopic interface {
	// Name returns the topic's name, which is the type of its events.
	Name() string
	// Payload returns the type of the events' payload.
	Payload() reflect.Type
}

// NewTopic returns a new Topic with the given name, for events that concern aggregates of
// the given type.
func NewTopic[P any](name, aggregateType string) Topic[P] {
	return Topic[P]{name, aggregateType}
}

// Name implements AnyTopic.
func (t Topic[P]) Name() string { return t.name }

// Payload implements AnyTopic.
func (t Topic[P]) Payload() reflect.Type { return reflect.TypeFor[P]() }

// AddParams are the parameters of one of the events that AddBatch adds.
type AddParams[P any] struct {
	AggregateID uuid.UUID
	Payload     P
	// Context is that of the request that causes the event, whose trace the event continues.
	// nil stands for the context of AddBatch.
	Context context.Context
}

// Add writes an event into the outbox as part of tx, and publishes it right after tx
// commits. If it cannot be published then, Outbox.Sweep publishes it later.
func (t Topic[P]) Add(ctx context.Context, tx *database.Tx, outbox *Outbox, aggregateID uuid.UUID, payload P) error {
	return t.AddBatch(ctx, tx, outbox, AddParams[P]{AggregateID: aggregateID, Payload: payload})
}

// AddBatch is like Add for any number of events. It writes them with one statement, and
// publishes them together.
func (t Topic[P]) AddBatch(ctx context.Context, tx *database.Tx, outbox *Outbox, params ...AddParams[P]) error {
	events, err := t.New(ctx, outbox, params...)
	if err != nil {
		return err
	}
	return outbox.Add(ctx, tx, events...)
}

// New returns new events, which occur now, for Outbox.Add.
func (t Topic[P]) New(ctx context.Context, outbox *Outbox, params ...AddParams[P]) ([]Event, error) {
	events := make([]Event, len(params))
	for i, p := range params {
		cause := p.Context
		if cause == nil {
			cause = ctx
		}
		var err error
		if events[i], err = outbox.newEvent(cause, t.name, t.aggregateType, p.AggregateID, p.Payload); err != nil {
			return nil, err
		}
	}
	return events, nil
}
