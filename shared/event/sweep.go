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

// maxSweepErrors is the maximum number of errors of single rows that a sweep returns. It
// logs all of them.
const maxSweepErrors = 20

// recentPollInterval is how often a sweep checks whether recent rows have been published.
const recentPollInterval = time.Second

// Sweep publishes pending events, oldest first, and deletes rows of the outbox and the
// inbox whose retention has ended. It does not stop at an event that cannot be published;
// its error lists those events. Several sweeps may run at the same time: each skips the
// rows that another has locked.
//
// Events that were committed less than MaxPublishDelay ago may still be published by
// their requests. Sweep waits until they are published or older, and publishes those that
// are still pending. So an event that was committed before a sweep is published by that
// sweep, and not a minute later by the next one. Sweep calls the cleanups, which delete
// rows of other tables, before it waits.
func (o *Outbox) Sweep(ctx context.Context, cleanups ...func(context.Context) error) error {
	begin := o.now()
	errs := []error{
		o.publishPending(ctx, time.Unix(0, 0).UTC()),
		database.Prune(ctx, o.db, pruneOutbox, o.now().Add(-outboxRetention)),
		database.Prune(ctx, o.db, pruneInbox, o.now().Add(-InboxRetention)),
	}
	for _, cleanUp := range cleanups {
		errs = append(errs, cleanUp(ctx))
	}
	return errors.Join(append(errs, o.publishRecent(ctx, begin), o.measureAge(ctx))...)
}

// publishRecent handles the rows that were created within MaxPublishDelay before a time.
// It waits until all of them are published, or until MaxPublishDelay is over, after which
// their requests no longer publish them. Then it publishes those that are pending.
func (o *Outbox) publishRecent(ctx context.Context, before time.Time) error {
	from := before.Add(-MaxPublishDelay)
	for waited := time.Duration(0); waited <= MaxPublishDelay; waited += recentPollInterval {
		pending, err := hasPending(ctx, o.db, from, before)
		if err != nil {
			return fmt.Errorf("check for recent events: %w", err)
		}
		if !pending || !o.pause(ctx, recentPollInterval) {
			return nil
		}
	}
	return o.publishPending(ctx, from)
}

// publishPending publishes the pending rows that were created at from or later, in
// batches. It tries each row once. A row that cannot be read, or that Pub/Sub rejects,
// does not delay others. If no event of a type can be published, the type is excluded from
// the following batches, so that a missing topic does not delay other events, however
// many rows are pending for it.
func (o *Outbox) publishPending(ctx context.Context, from time.Time) error {
	run := sweepRun{after: position{createdAt: from, id: []byte{}}}
	for {
		found, err := o.publishBatch(ctx, &run)
		if err != nil {
			return errors.Join(append(run.errs, err)...)
		}
		if found < sweepBatchSize {
			return run.err()
		}
	}
}

// sweepRun is the progress of one publishPending.
type sweepRun struct {
	after    position // the last row that was read
	excluded []string // types of which no event can be published
	errs     []error
	omitted  int // number of errors that are not in errs
}

// addError records an error.
func (r *sweepRun) addError(err error) {
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

// publishBatch publishes the next batch of rows, and returns how many rows it found.
func (o *Outbox) publishBatch(ctx context.Context, run *sweepRun) (found int, err error) {
	next := *run
	err = o.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		next = *run
		rows, err := lockPending(ctx, tx, run.after, o.now().Add(-MaxPublishDelay), run.excluded)
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
			slog.ErrorContext(ctx, "cannot read outbox row", "event", fmt.Sprintf("%x", rows[i].id), "error", err)
			run.addError(err)
			continue
		}
		events = append(events, rows[i].event)
	}
	if len(events) == 0 {
		return nil
	}
	succeededTypes := map[string]bool{} // by type
	var failures []typeFailure
	publishCtx, span := startPublish(ctx, events)
	errs := o.publisher.Publish(publishCtx, events)
	endPublish(span, errs)
	for i, err := range errs {
		e := events[i]
		if err == nil {
			succeededTypes[e.Type] = true
			published = append(published, e.ID)
			continue
		}
		err = fmt.Errorf("publish event %s to %s: %w", e.ID, e.Type, err)
		// A metric in terraform/alerting.tf reads the age from this log entry.
		slog.WarnContext(ctx, "cannot publish pending event", "event", e.ID, "type", e.Type,
			"ageSeconds", o.now().Sub(e.Time).Seconds(), "error", err)
		if isInvalidMessage(err) {
			run.addError(err)
		} else {
			failures = appendFailure(failures, typeFailure{e.Type, err})
		}
	}
	for _, failure := range failures {
		run.addError(failure.err)
		if !succeededTypes[failure.eventType] {
			run.excluded = append(run.excluded, failure.eventType)
		}
	}
	return published
}

// typeFailure is the last error of publishing an event of a type.
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

// isInvalidMessage reports whether err is due to a single message, and not to its topic
// or to Pub/Sub.
func isInvalidMessage(err error) bool {
	return status.Code(err) == codes.InvalidArgument || errors.Is(err, pubsub.ErrOversizedMessage)
}
