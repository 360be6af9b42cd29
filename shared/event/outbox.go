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
	// commit. The sweep publishes what is pending then.
	publishTimeout = 5 * time.Second
	// markTimeout bounds how long it then waits to mark the rows as published,
	// however long publishing took.
	markTimeout = 4 * time.Second
	// sweepAge is the age from which the sweep publishes a pending row: the request
	// that wrote a younger one may still publish and mark it.
	sweepAge = publishTimeout + markTimeout + time.Second
	// sweepBatch is the most rows that one transaction of the sweep locks.
	sweepBatch = 200
	// outboxRetention is how long a published row is stored, for diagnosis and
	// Republish.
	outboxRetention = 24 * time.Hour
	// inboxRetention is how long the id of a processed event is stored. Pub/Sub
	// retains a message for 7 days, and a dead letter may be replayed 7 days later.
	inboxRetention = 15 * 24 * time.Hour
)

// Publisher publishes events to their topics. It returns one error per event, in
// their order: nil for an event that Pub/Sub has accepted.
type Publisher interface {
	Publish(ctx context.Context, events []Event) []error
}

// Outbox stores a service's events until they are published.
type Outbox struct {
	db        *database.DB
	publisher Publisher
	// marks batches the UPDATEs of an instance's requests. A batch does not wait for a
	// connection behind newer requests.
	marks     *database.Coalescer[uuid.UUID]
	now       clock.Clock
	permitted map[string]bool // by event type; nil permits every type
	pause     Pause
}

// Pause waits for d and reports whether to continue: it does not if ctx has ended or
// the process is stopping.
type Pause func(ctx context.Context, d time.Duration) bool

func pauseByTimer(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// OutboxOption configures an Outbox.
type OutboxOption func(*Outbox)

// Permit restricts the outbox to some event types: those that functions.yaml lists
// under publishes. Only for these are there topics, and rights to publish.
func Permit(types []string) OutboxOption {
	permitted := map[string]bool{}
	for _, eventType := range types {
		permitted[eventType] = true
	}
	return func(o *Outbox) { o.permitted = permitted }
}

// NewOutbox returns the outbox in db. Sweep waits with pause; nil stands for a timer.
func NewOutbox(db *database.DB, publisher Publisher, now clock.Clock, pause Pause, options ...OutboxOption) *Outbox {
	if pause == nil {
		pause = pauseByTimer
	}
	o := &Outbox{db: db, publisher: publisher, now: now, pause: pause}
	for _, option := range options {
		option(o)
	}
	if db != nil { // it is nil where functions are described only
		o.marks = database.NewCoalescer(db, func(ctx context.Context, q database.Queryer, ids []uuid.UUID) error {
			return markPublished(ctx, q, ids, now())
		})
	}
	return o
}

// addition is an event to add: about which aggregate, and its payload.
type addition struct {
	aggregateID uuid.UUID
	payload     any
}

// add writes events into the outbox as part of tx, with one statement, and publishes
// them right after tx commits.
func (o *Outbox) add(ctx context.Context, tx *database.Tx, eventType, aggregateType string, additions []addition) error {
	if len(additions) == 0 {
		return nil
	}
	first := additions[0].aggregateID
	if o.permitted != nil && !o.permitted[eventType] {
		return fmt.Errorf("event %s of %s %s: no function served here lists it under publishes", eventType, aggregateType, first)
	}
	events := make([]Event, len(additions))
	for i, a := range additions {
		text, err := json.Marshal(a.payload)
		if err != nil {
			return fmt.Errorf("marshal %s of %s %s: %w", eventType, aggregateType, a.aggregateID, err)
		}
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("create an event id: %w", err)
		}
		events[i] = Event{
			ID: id, Type: eventType, Time: o.now(), AggregateType: aggregateType, AggregateID: a.aggregateID,
			Payload: text, Traceparent: telemetry.Attribute(ctx),
		}
	}
	if err := insertOutbox(ctx, tx, events); err != nil {
		return fmt.Errorf("add %d %s of %s %s to the outbox: %w", len(events), eventType, aggregateType, first, err)
	}
	tx.AfterCommit(func(ctx context.Context) { o.publishNow(ctx, events) })
	return nil
}

// publishNow publishes the events of a committed transaction. The caller's response
// does not depend on it: the events are stored in the outbox.
func (o *Outbox) publishNow(ctx context.Context, events []Event) {
	// A client that disconnects must not delay the events.
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
		slog.WarnContext(ctx, "cannot mark events as published; the sweep will publish them again", "event", published[0], "events", len(published), "error", err)
	}
}
