package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"souk/shared/database"
)

// maxSweepErrors bounds how many errors of single rows a sweep returns; it logs all.
const maxSweepErrors = 20

// youngPoll is how often a sweep checks whether young rows have been published.
const youngPoll = time.Second

// Sweep publishes pending rows, oldest first, and deletes rows whose retention has
// ended. It publishes all it can; its error lists what it could not. Several sweeps may
// run at the same time: each skips the rows that another has locked.
//
// It waits for rows that their requests may still publish, and publishes those that are
// pending after that. So every event committed before a sweep is published by it, and
// not a minute later by the next. It calls others before that wait.
func (o *Outbox) Sweep(ctx context.Context, others ...func(context.Context) error) error {
	begin := o.now()
	errs := []error{
		o.publishPending(ctx, time.Unix(0, 0).UTC()),
		database.Prune(ctx, o.db, deleteOldOutbox, o.now().Add(-outboxRetention)),
		database.Prune(ctx, o.db, deleteOldInbox, o.now().Add(-inboxRetention)),
	}
	for _, other := range others {
		errs = append(errs, other(ctx))
	}
	return errors.Join(append(errs, o.publishYoung(ctx, begin))...)
}

// publishYoung waits until the rows that were young at a time are published, or are so
// old that their requests no longer publish them, and publishes the latter.
func (o *Outbox) publishYoung(ctx context.Context, at time.Time) error {
	from := at.Add(-sweepAge)
	for waited := time.Duration(0); waited <= sweepAge; waited += youngPoll {
		remain, err := hasUnpublished(ctx, o.db, from, at)
		if err != nil {
			return fmt.Errorf("check for young events: %w", err)
		}
		if !remain || !o.pause(ctx, youngPoll) {
			return nil
		}
	}
	return o.publishPending(ctx, from)
}

// publishPending publishes the pending rows from a time on, in batches, each row once. A
// row that cannot be read, or that Pub/Sub refuses, does not delay others. A type of
// which nothing can be published is excluded from the following batches: a missing topic
// does not delay others, however many rows it has.
func (o *Outbox) publishPending(ctx context.Context, from time.Time) error {
	run := sweepRun{after: position{createdAt: from, id: []byte{}}}
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

// sweepRun is the progress of a sweep.
type sweepRun struct {
	after    position // the last row that was read
	excluded []string // types of which nothing can be published
	errs     []error
	omitted  int // number of errors that are not in errs
}

// fail records an error.
func (r *sweepRun) fail(err error) {
	if len(r.errs) < maxSweepErrors {
		r.errs = append(r.errs, err)
	} else {
		r.omitted++
	}
}

func (r *sweepRun) err() error {
	if r.omitted > 0 {
		return errors.Join(append(r.errs, fmt.Errorf("and %d more errors", r.omitted))...)
	}
	return errors.Join(r.errs...)
}

// publishBatch publishes the next rows, and returns how many it found.
func (o *Outbox) publishBatch(ctx context.Context, run *sweepRun) (found int, err error) {
	next := *run
	err = o.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		next = *run
		rows, err := lockUnpublished(ctx, tx, run.after, o.now().Add(-sweepAge), run.excluded)
		found = len(rows)
		if err != nil || found == 0 {
			return err
		}
		next.after = rows[found-1].position
		published := o.publishRows(ctx, &next, rows)
		if len(published) == 0 {
			return nil
		}
		slog.InfoContext(ctx, "published pending events", "events", len(published))
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
	works := map[string]bool{} // by type
	var failures []typeFailure
	for i, err := range o.publisher.Publish(ctx, events) {
		e := events[i]
		if err == nil {
			works[e.Type] = true
			published = append(published, e.ID)
			continue
		}
		err = fmt.Errorf("publish event %s to %s: %w", e.ID, e.Type, err)
		// The alert on old events in terraform/ counts this line.
		slog.WarnContext(ctx, "the event stays in the outbox", "event", e.ID, "type", e.Type,
			"ageSeconds", o.now().Sub(e.Time).Seconds(), "error", err)
		if isRefused(err) {
			run.fail(err)
		} else {
			failures = appendFailure(failures, typeFailure{e.Type, err})
		}
	}
	for _, failure := range failures {
		run.fail(failure.err)
		if !works[failure.eventType] {
			run.excluded = append(run.excluded, failure.eventType)
		}
	}
	return published
}

// typeFailure is the last error of publishing events of a type.
type typeFailure struct {
	eventType string
	err       error
}

// appendFailure appends a failure, or replaces that of the same type. The result is in the
// order of the types' first failures.
func appendFailure(failures []typeFailure, failure typeFailure) []typeFailure {
	at := slices.IndexFunc(failures, func(f typeFailure) bool { return f.eventType == failure.eventType })
	if at < 0 {
		return append(failures, failure)
	}
	failures[at] = failure
	return failures
}

// isRefused reports whether err is about a message, and not about its topic.
func isRefused(err error) bool {
	return status.Code(err) == codes.InvalidArgument || errors.Is(err, pubsub.ErrOversizedMessage)
}
