package event

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/googleapis/gax-go/v2"

	"souk/shared/clock"
	"souk/shared/database"
	"souk/shared/telemetry"
)

const (
	// publishTimeout is the maximum time that a request waits for Pub/Sub after its
	// commit. The sweep publishes the events that are pending then.
	publishTimeout = 5 * time.Second
	// markTimeout is the maximum time that the request then waits to mark its events
	// as published, however long publishing took.
	markTimeout = 4 * time.Second
	// MaxPublishDelay is the maximum time after its commit at which a request still
	// publishes its events and marks them as published. The sweep publishes only older
	// rows.
	MaxPublishDelay = publishTimeout + markTimeout + time.Second
	// sweepBatchSize is the maximum number of rows that one transaction of the sweep
	// locks.
	sweepBatchSize = 200
	// outboxRetention is how long a published row is stored, for diagnosis and
	// Republish.
	outboxRetention = 24 * time.Hour
	// InboxRetention is how long the id of a processed event is stored: longer than the way of a
	// message that becomes a dead letter and is replayed at the last moment. It is then delivered to
	// all subscriptions of its topic, also to those whose functions had processed it at once.
	// A row has about 150 bytes: 1,000 orders a day are about 50 MB in 31 days.
	InboxRetention = 31 * 24 * time.Hour
)

// Publisher publishes events to their topics. It returns one error for each event, in
// the order of the events: nil if Pub/Sub has accepted the event.
type Publisher interface {
	Publish(ctx context.Context, events []Event) []error
}

// Outbox stores a service's events until they are published.
type Outbox struct {
	db        *database.DB
	publisher Publisher
	// requestPublisher is publisher for requests, which do not wait in an outage.
	requestPublisher Publisher
	// publishedMarker marks events as published. It combines the UPDATEs of concurrent
	// requests of an instance, and is not queued in the pool behind newer requests.
	publishedMarker *database.Coalescer[uuid.UUID]
	now             clock.Clock
	permitted       map[string]bool // by event type; nil permits every type
	pause           Pause
}

// Pause waits for d. It returns early, with false, if ctx ends or the process is
// stopping.
type Pause func(ctx context.Context, d time.Duration) bool

func pauseByTimer(ctx context.Context, d time.Duration) bool { return gax.Sleep(ctx, d) == nil }

// OutboxOption configures an Outbox.
type OutboxOption func(*Outbox)

// Permit restricts the outbox to the given event types: those that functions.yaml lists
// under publishes. For other types there are no topics and no permission to publish.
func Permit(types []string) OutboxOption {
	permitted := map[string]bool{}
	for _, eventType := range types {
		permitted[eventType] = true
	}
	return func(o *Outbox) { o.permitted = permitted }
}

// NewOutbox returns the outbox in db. Sweep waits with pause, or with a timer if it is nil.
func NewOutbox(db *database.DB, publisher Publisher, now clock.Clock, pause Pause, options ...OutboxOption) *Outbox {
	if pause == nil {
		pause = pauseByTimer
	}
	o := &Outbox{db: db, publisher: publisher, now: now, pause: pause}
	o.requestPublisher = &breaker{publisher: publisher, now: now}
	for _, option := range options {
		option(o)
	}
	if db != nil { // it is nil when the documentation is generated
		o.publishedMarker = database.NewCarriedCoalescer(db, func(ctx context.Context, q database.Queryer, ids []uuid.UUID) error {
			return markPublished(ctx, q, ids, now())
		})
	}
	return o
}

// newEvent returns a new event, which occurs now.
func (o *Outbox) newEvent(ctx context.Context, eventType, aggregateType string, aggregateID uuid.UUID, payload any) (Event, error) {
	text, err := json.Marshal(payload)
	if err != nil {
		return Event{}, fmt.Errorf("marshal %s of %s %s: %w", eventType, aggregateType, aggregateID, err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Event{}, fmt.Errorf("create an event id: %w", err)
	}
	telemetry.SetAggregateID(ctx, aggregateType, aggregateID)
	e := Event{
		ID: id, Type: eventType, Time: o.now(), AggregateType: aggregateType, AggregateID: aggregateID,
		Payload: text, Traceparent: telemetry.Traceparent(ctx),
	}
	if attributed, ok := payload.(Attributed); ok {
		e.Extra = attributed.EventAttributes()
	}
	return e, nil
}

// Add writes events of any types, which Topic.New returned, into the outbox as part of tx, with
// one statement. It publishes them together right after tx commits.
func (o *Outbox) Add(ctx context.Context, tx *database.Tx, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	for i := range events {
		if e := &events[i]; o.permitted != nil && !o.permitted[e.Type] {
			return fmt.Errorf("event %s of %s %s: no function of this process lists it under publishes in functions.yaml",
				e.Type, e.AggregateType, e.AggregateID)
		}
	}
	if err := insertOutbox(ctx, tx, events); err != nil {
		first := events[0]
		return fmt.Errorf("add %d %s of %s %s to the outbox: %w", len(events), first.Type, first.AggregateType, first.AggregateID, err)
	}
	tx.AfterCommit(func(ctx context.Context) { o.mark(ctx, o.publishNow(ctx, events)) })
	return nil
}

// publishNow publishes the events of a committed transaction, and returns the ids of those that are
// published. It logs errors and returns none: the sweep publishes the events that are still pending
// in the outbox.
func (o *Outbox) publishNow(ctx context.Context, events []Event) (published []uuid.UUID) {
	// ctx ends if the client disconnects, which must not delay the events.
	ctx = context.WithoutCancel(ctx)
	publishCtx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	publishCtx, span := startPublish(publishCtx, events)
	errs := o.requestPublisher.Publish(publishCtx, events)
	endPublish(span, errs)
	for i, err := range errs {
		if err != nil {
			slog.WarnContext(ctx, "cannot publish event; the sweep will retry", "event", events[i].ID, "type", events[i].Type, "error", err)
			continue
		}
		published = append(published, events[i].ID)
	}
	return published
}

// mark marks events as published. It logs an error, after which the sweep publishes them again.
func (o *Outbox) mark(ctx context.Context, published []uuid.UUID) {
	if len(published) == 0 {
		return
	}
	// The end of ctx, when the client disconnects, must not prevent it.
	markCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTimeout)
	defer cancel()
	if err := o.publishedMarker.Do(markCtx, published); err != nil {
		slog.WarnContext(ctx, "cannot mark events as published; the sweep will publish them again", "event", published[0], "events", len(published), "error", err)
	}
}
