package event

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// RecordProcessed records in the inbox that a consumer has processed an event, in the
// transaction of the consumer's effect. The consumer is the name of a function.
// RecordProcessed returns false if the consumer has processed the event before: the event
// was delivered again, and must have no second effect. The column received_at is the time of
// processing.
func RecordProcessed(ctx context.Context, tx *database.Tx, consumer string, e Event, at time.Time) (bool, error) {
	first, err := RecordBatch(ctx, tx, consumer, []Event{e}, at)
	if err != nil {
		return false, err
	}
	return first[0], nil
}

// RecordBatch is like RecordProcessed for several events, with one statement if none was
// processed before. Its result has one value for each event. Of several deliveries of one event
// in the batch, the first has the effect.
func RecordBatch(ctx context.Context, tx *database.Tx, consumer string, events []Event, at time.Time) ([]bool, error) {
	ids := make([]uuid.UUID, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	inserted, err := database.InsertMissing(database.SortedIDs(slices.Values(ids)), func(ids []uuid.UUID) error {
		return insertInbox(ctx, tx, consumer, ids, at)
	}, func(ids []uuid.UUID) (map[uuid.UUID]bool, error) {
		return selectInbox(ctx, tx, consumer, ids, "FOR UPDATE")
	})
	if err != nil {
		return nil, fmt.Errorf("record %d events from %s in the inbox: %w", len(events), events[0].ID, err)
	}
	first := make([]bool, len(events))
	for i, e := range events {
		if first[i] = inserted[e.ID]; !first[i] {
			countDuplicate(ctx, consumer, e)
		}
		delete(inserted, e.ID)
	}
	return first, nil
}

// insertInbox inserts events, with no effect if it fails.
func insertInbox(ctx context.Context, tx *database.Tx, consumer string, ids []uuid.UUID, at time.Time) error {
	rows := make([][]any, len(ids))
	for i := range ids {
		rows[i] = []any{consumer, ids[i][:], at}
	}
	return database.InsertRows(ctx, tx, "inbox (consumer, event_id, received_at)", "", rows)
}

// selectInbox returns the ids of the events that the inbox has. With a locking clause it reads
// what other transactions have committed.
func selectInbox(ctx context.Context, q database.Queryer, consumer string, ids []uuid.UUID, locking string) (map[uuid.UUID]bool, error) {
	processed := map[uuid.UUID]bool{}
	return processed, database.Each(ctx, q, func(row database.Scanner) error {
		id, err := database.ScanColumn[uuid.UUID](row)
		processed[id] = true
		return err
	}, `
		SELECT event_id
		FROM inbox
		WHERE consumer = ? AND event_id IN (`+database.Placeholders(len(ids))+`)
		`+locking, append([]any{consumer}, database.IDs(ids)...)...)
}

// SelectProcessed returns the ids of the events that RecordProcessed has recorded for a consumer.
func SelectProcessed(ctx context.Context, q database.Queryer, consumer string, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	processed, err := selectInbox(ctx, q, consumer, ids, "")
	if err != nil {
		return nil, fmt.Errorf("read %d events from %s in the inbox: %w", len(ids), ids[0], err)
	}
	return processed, nil
}
