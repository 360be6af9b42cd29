package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"souk/shared/database"
)

// maxSweepErrors bounds how many errors of single rows a sweep returns; it logs all.
const maxSweepErrors = 20

// Sweep publishes what requests left unpublished, oldest first, and deletes what
// is old. It publishes all it can, and returns in its error what it could not.
// Several sweeps may run at once: each takes rows that no other holds.
func (o *Outbox) Sweep(ctx context.Context) error {
	faults := []error{
		o.publishPending(ctx),
		database.Prune(ctx, o.db, deleteOldOutbox, o.now().Add(-publishedKept)),
		database.Prune(ctx, o.db, deleteOldInbox, o.now().Add(-receivedKept)),
	}
	for _, sweep := range o.more {
		faults = append(faults, sweep(ctx))
	}
	return errors.Join(faults...)
}

// publishPending publishes batch after batch, each row once. A row that cannot be read,
// or that Pub/Sub refuses, holds up no other. A type of which nothing can be published
// is left out of the batches that follow: a topic that is missing, with however many
// rows, holds up no other either.
func (o *Outbox) publishPending(ctx context.Context) error {
	run := sweepRun{after: place{createdAt: time.Unix(0, 0).UTC(), id: []byte{}}}
	for {
		found, err := o.publishBatch(ctx, &run)
		if err != nil {
			return errors.Join(append(run.errs, err)...)
		}
		if found < sweepBatch {
			return run.err()
		}
	}
}

// sweepRun is how far a sweep is.
type sweepRun struct {
	after   place    // the last row that was read
	without []string // types of which nothing can be published
	errs    []error
	more    int // errors that are not in errs
}

// fail notes an error.
func (r *sweepRun) fail(err error) {
	if len(r.errs) < maxSweepErrors {
		r.errs = append(r.errs, err)
	} else {
		r.more++
	}
}

func (r *sweepRun) err() error {
	if r.more > 0 {
		return errors.Join(append(r.errs, fmt.Errorf("and %d errors more", r.more))...)
	}
	return errors.Join(r.errs...)
}

// publishBatch publishes the next rows, and returns how many it found.
func (o *Outbox) publishBatch(ctx context.Context, run *sweepRun) (found int, err error) {
	next := *run
	err = o.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		next = *run
		rows, err := lockUnpublished(ctx, tx, run.after, o.now().Add(-sweepAge), run.without)
		found = len(rows)
		if err != nil || found == 0 {
			return err
		}
		next.after = rows[found-1].place
		published := o.publishRows(ctx, &next, rows)
		if len(published) == 0 {
			return nil
		}
		slog.InfoContext(ctx, "published what requests left", "events", len(published))
		return markPublished(ctx, tx, published, o.now())
	})
	*run = next
	return found, err
}

// publishRows publishes the rows that can be read and returns the ids of those that
// were published.
func (o *Outbox) publishRows(ctx context.Context, run *sweepRun, rows []outboxRow) (published []uuid.UUID) {
	var events []Event
	for i := range rows {
		if err := rows[i].err; err != nil {
			slog.ErrorContext(ctx, "an event in the outbox cannot be read", "event", fmt.Sprintf("%x", rows[i].id), "error", err)
			run.fail(err)
			continue
		}
		events = append(events, rows[i].event)
	}
	if len(events) == 0 {
		return nil
	}
	works, failed := map[string]bool{}, map[string]error{} // by type
	for i, err := range o.publisher.Publish(ctx, events) {
		e := events[i]
		if err == nil {
			works[e.Type] = true
			published = append(published, e.ID)
			continue
		}
		err = fmt.Errorf("publish event %s to %s: %w", e.ID, e.Type, err)
		// terraform/watch.tf makes the alert on old events of this line.
		slog.WarnContext(ctx, "the event stays in the outbox", "event", e.ID, "type", e.Type,
			"ageSeconds", o.now().Sub(e.Time).Seconds(), "error", err)
		if isRefused(err) {
			run.fail(err)
		} else {
			failed[e.Type] = err
		}
	}
	for eventType, err := range failed {
		run.fail(err)
		if !works[eventType] {
			run.without = append(run.without, eventType)
		}
	}
	return published
}

// isRefused reports whether err is what Pub/Sub says of a message, and not of its topic.
func isRefused(err error) bool {
	return status.Code(err) == codes.InvalidArgument || errors.Is(err, pubsub.ErrOversizedMessage)
}
