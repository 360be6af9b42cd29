package event

import (
	"context"
	"encoding/json"
	"errors"
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
	// sweepAge is how old an unpublished row must be before the sweep takes it:
	// a younger one is still in the hands of the request that wrote it.
	sweepAge = 2 * publishTimeout
	// sweepBatch is the most rows that one transaction of the sweep holds.
	sweepBatch = 200
	// publishedKept is how long a published row stays, to be looked at.
	publishedKept = 24 * time.Hour
	// receivedKept is how long the inbox remembers an event. Pub/Sub keeps a
	// message for 7 days, and a dead-lettered one may be replayed 7 days later.
	receivedKept = 15 * 24 * time.Hour
	// pruneBatch is the most rows that one statement deletes.
	pruneBatch = 1000
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
	now       clock.Clock
}

// NewOutbox returns the outbox in db.
func NewOutbox(db *database.DB, publisher Publisher, now clock.Clock) *Outbox {
	return &Outbox{db: db, publisher: publisher, now: now}
}

// Add writes an event into the outbox as part of tx, and publishes it right
// after tx commits. An event that cannot be published then stays for Sweep.
func (o *Outbox) Add(ctx context.Context, tx *database.Tx, eventType, aggregateType string, aggregateID uuid.UUID, payload any) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("marshal %s of %s %s: %w", eventType, aggregateType, aggregateID, err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an event id: %w", err)
	}
	e := Event{
		ID: id, Type: eventType, Time: o.now(), AggregateType: aggregateType, AggregateID: aggregateID,
		Payload: text, Traceparent: telemetry.Attribute(ctx),
	}
	if err := insertOutbox(ctx, tx, e); err != nil {
		return fmt.Errorf("add %s of %s %s to the outbox: %w", eventType, aggregateType, aggregateID, err)
	}
	tx.AfterCommit(func(ctx context.Context) { o.publishNow(ctx, e) })
	return nil
}

// publishNow publishes an event of a committed transaction. The caller's answer
// does not depend on it: the event is safe in the outbox.
func (o *Outbox) publishNow(ctx context.Context, e Event) {
	// The client may leave; the event must not stay behind for that.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
	defer cancel()
	err := o.publisher.Publish(ctx, []Event{e})[0]
	if err == nil {
		err = markPublished(ctx, o.db, []uuid.UUID{e.ID}, o.now())
	}
	if err != nil {
		slog.WarnContext(ctx, "the event stays in the outbox for the sweep", "event", e.ID, "type", e.Type, "error", err)
	}
}

// Sweep publishes what requests left unpublished, oldest first, and deletes what
// is old. Several sweeps may run at once: each takes rows that no other holds.
func (o *Outbox) Sweep(ctx context.Context) error {
	for {
		n, err := o.sweepOnce(ctx)
		if err != nil {
			return err
		}
		if n < sweepBatch {
			break
		}
	}
	return errors.Join(
		prune(ctx, o.db, deleteOldOutbox, o.now().Add(-publishedKept)),
		prune(ctx, o.db, deleteOldInbox, o.now().Add(-receivedKept)),
	)
}

// sweepOnce publishes one batch and returns how many rows it found.
func (o *Outbox) sweepOnce(ctx context.Context) (found int, err error) {
	err = o.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		events, err := lockUnpublished(ctx, tx, o.now().Add(-sweepAge))
		if err != nil || len(events) == 0 {
			found = 0
			return err
		}
		found = len(events)
		var published []uuid.UUID
		var failed error
		for i, err := range o.publisher.Publish(ctx, events) {
			if err != nil {
				failed = fmt.Errorf("publish event %s to %s: %w", events[i].ID, events[i].Type, err)
				slog.WarnContext(ctx, "the event stays in the outbox", "event", events[i].ID, "type", events[i].Type, "error", err)
				continue
			}
			published = append(published, events[i].ID)
		}
		if len(published) == 0 {
			return failed
		}
		slog.InfoContext(ctx, "published what requests left", "events", len(published))
		if failed != nil {
			found = 0 // Stop after this batch: the same rows would fail again.
		}
		return markPublished(ctx, tx, published, o.now())
	})
	return found, err
}
