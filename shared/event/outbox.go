package event

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/shared/clock"
	"souk/shared/database"
	"souk/shared/telemetry"
)

const (
	// publishTimeout bounds how long a request waits for Pub/Sub after its
	// commit. What is not published by then is left for the sweep.
	publishTimeout = 5 * time.Second
	// markTimeout bounds how long it then waits for its mark, however long the
	// publishing took.
	markTimeout = 4 * time.Second
	// sweepAge is how old an unpublished row must be before the sweep takes it:
	// the request that wrote a younger one may still publish and mark it.
	sweepAge = publishTimeout + markTimeout + time.Second
	// sweepBatch is the most rows that one transaction of the sweep holds.
	sweepBatch = 200
	// publishedKept is how long a published row stays, to be looked at.
	publishedKept = 24 * time.Hour
	// receivedKept is how long the inbox remembers an event. Pub/Sub keeps a
	// message for 7 days, and a dead-lettered one may be replayed 7 days later.
	receivedKept = 15 * 24 * time.Hour
)

// Publisher sends events to their topics. It returns one error an event, in
// their order, nil for an event that Pub/Sub has taken.
type Publisher interface {
	Publish(ctx context.Context, events []Event) []error
}

// Outbox keeps a service's events until they are published.
type Outbox struct {
	db        *database.DB
	publisher Publisher
	// marks of an instance's requests share statements, and wait for no connection
	// behind requests that have not begun.
	marks     *database.Coalescer[uuid.UUID]
	now       clock.Clock
	permitted map[string]bool // by event type; nil permits every type
	more      []func(context.Context) error
}

// AlsoSweep has Sweep call another sweep of the same database as well. Call it
// before the outbox is used.
func (o *Outbox) AlsoSweep(sweep func(context.Context) error) { o.more = append(o.more, sweep) }

// Permit names the event types that Add takes from now on: those that the list of
// functions says are published. There are topics, and rights to publish to them,
// for no others.
func (o *Outbox) Permit(types []string) {
	o.permitted = map[string]bool{}
	for _, eventType := range types {
		o.permitted[eventType] = true
	}
}

// NewOutbox returns the outbox in db.
func NewOutbox(db *database.DB, publisher Publisher, now clock.Clock) *Outbox {
	o := &Outbox{db: db, publisher: publisher, now: now}
	if db != nil { // nil describes functions and runs none
		o.marks = database.NewCoalescer(db, func(ctx context.Context, q database.Queryer, ids []uuid.UUID) error {
			return markPublished(ctx, q, ids, now())
		})
	}
	return o
}

// Add writes an event into the outbox as part of tx, and publishes it right
// after tx commits. An event that cannot be published then stays for Sweep.
func (o *Outbox) Add(ctx context.Context, tx *database.Tx, eventType, aggregateType string, aggregateID uuid.UUID, payload any) error {
	return o.AddAll(ctx, tx, eventType, aggregateType, Told{AggregateID: aggregateID, Payload: payload})
}

// Told is what one of several events of a type tells of.
type Told struct {
	AggregateID uuid.UUID
	Payload     any
}

// AddAll is Add for many events at once: it writes them by one statement, and
// publishes them together.
func (o *Outbox) AddAll(ctx context.Context, tx *database.Tx, eventType, aggregateType string, told ...Told) error {
	if len(told) == 0 {
		return nil
	}
	if o.permitted != nil && !o.permitted[eventType] {
		return fmt.Errorf("event %s of %s %s: no function served here lists it under publishes", eventType, aggregateType, told[0].AggregateID)
	}
	events := make([]Event, len(told))
	for i, t := range told {
		text, err := json.Marshal(t.Payload)
		if err != nil {
			return fmt.Errorf("marshal %s of %s %s: %w", eventType, aggregateType, t.AggregateID, err)
		}
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("make an event id: %w", err)
		}
		events[i] = Event{
			ID: id, Type: eventType, Time: o.now(), AggregateType: aggregateType, AggregateID: t.AggregateID,
			Payload: text, Traceparent: telemetry.Attribute(ctx),
		}
	}
	if err := insertOutbox(ctx, tx, events); err != nil {
		return fmt.Errorf("add %d %s of %s %s to the outbox: %w", len(events), eventType, aggregateType, told[0].AggregateID, err)
	}
	tx.AfterCommit(func(ctx context.Context) { o.publishNow(ctx, events) })
	return nil
}

// publishNow publishes the events of a committed transaction. The caller's answer
// does not depend on it: they are safe in the outbox.
func (o *Outbox) publishNow(ctx context.Context, events []Event) {
	// The client may leave; the events must not stay behind for that.
	ctx = context.WithoutCancel(ctx)
	publishing, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	var published []uuid.UUID
	for i, err := range o.publisher.Publish(publishing, events) {
		if err != nil {
			slog.WarnContext(ctx, "the event stays in the outbox for the sweep", "event", events[i].ID, "type", events[i].Type, "error", err)
			continue
		}
		published = append(published, events[i].ID)
	}
	if len(published) == 0 {
		return
	}
	marking, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	if err := o.marks.Do(marking, published); err != nil {
		slog.WarnContext(ctx, "the events stay in the outbox for the sweep", "event", published[0], "events", len(published), "error", err)
	}
}
