package event

import (
	"context"
	"reflect"

	"github.com/google/uuid"

	"souk/shared/database"
)

// Topic is a topic whose events carry a P about one kind of aggregate. Events are
// published through a Topic alone, so a wrong payload does not compile:
//
//	var OrderPlaced = event.NewTopic[Placed]("order-placed", "order")
type Topic[P any] struct{ name, aggregateType string }

// AnyTopic is a Topic of any payload.
type AnyTopic interface {
	// Name returns the topic's name, which is the type of its events.
	Name() string
	// Payload returns the type of the events' payload.
	Payload() reflect.Type
}

// NewTopic returns the topic of a name, whose events are about aggregates of a type.
func NewTopic[P any](name, aggregateType string) Topic[P] {
	return Topic[P]{name, aggregateType}
}

// Name implements AnyTopic.
func (t Topic[P]) Name() string { return t.name }

// Payload implements AnyTopic.
func (t Topic[P]) Payload() reflect.Type { return reflect.TypeFor[P]() }

// Message is one of several events that AddBatch adds.
type Message[P any] struct {
	AggregateID uuid.UUID
	Payload     P
}

// Add writes an event into the outbox as part of tx, and publishes it right after tx
// commits. An event that cannot be published remains pending, for Outbox.Sweep.
func (t Topic[P]) Add(ctx context.Context, tx *database.Tx, outbox *Outbox, aggregateID uuid.UUID, payload P) error {
	return t.AddBatch(ctx, tx, outbox, Message[P]{aggregateID, payload})
}

// AddBatch is Add for many events at once: it writes them with one statement, and
// publishes them together.
func (t Topic[P]) AddBatch(ctx context.Context, tx *database.Tx, outbox *Outbox, messages ...Message[P]) error {
	additions := make([]addition, len(messages))
	for i, m := range messages {
		additions[i] = addition{m.AggregateID, m.Payload}
	}
	return outbox.add(ctx, tx, t.name, t.aggregateType, additions)
}
