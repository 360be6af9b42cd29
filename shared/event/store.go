package event

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

func insertOutbox(ctx context.Context, q database.Queryer, events []Event) error {
	rows := make([][]any, len(events))
	for i := range events {
		e := &events[i]
		attributes, err := encodeAttributes(e.Extra)
		if err != nil {
			return err
		}
		rows[i] = []any{e.ID[:], e.AggregateType, e.AggregateID.String(), e.Type, string(e.Payload), e.Traceparent, e.Time, attributes}
	}
	return database.InsertRows(ctx, q, "outbox (id, aggregatetype, aggregateid, type, payload, traceparent, created_at, attributes)", "", rows)
}

// encodeAttributes returns the value of the column attributes: NULL if there are none.
func encodeAttributes(attributes map[string]string) (any, error) {
	if len(attributes) == 0 {
		return nil, nil //nolint:nilnil // NULL
	}
	text, err := json.Marshal(attributes)
	if err != nil {
		return nil, fmt.Errorf("encode attributes: %w", err)
	}
	return string(text), nil
}

// position is the position of a row in the order in which the sweep reads the outbox:
// by time of creation, then by id.
type position struct {
	createdAt time.Time
	id        []byte
}

// outboxRow is a row of the outbox. Its err is not nil if its content is invalid.
type outboxRow struct {
	position
	event Event
	err   error
}

// lockPending returns the oldest pending rows with a position after the given one
// and a creation time before the given one, except those of excluded types, and locks
// them until the transaction ends. The index is forced because MySQL may prefer to read
// and sort all rows of a small table, and would then lock all of them, not only those
// within the limit.
func lockPending(ctx context.Context, tx *database.Tx, after position, before time.Time, excluded []string) ([]outboxRow, error) {
	args, condition := []any{before, after.createdAt, after.createdAt, after.id}, ""
	if len(excluded) > 0 {
		condition = ` AND type NOT IN (` + database.Placeholders(len(excluded)) + `)`
		args = append(args, database.Args(excluded)...)
	}
	rows, err := database.Collect(ctx, tx, scanOutbox, `
		SELECT id, aggregatetype, aggregateid, type, payload, traceparent, created_at, attributes
		FROM outbox FORCE INDEX (outbox_by_publication)
		WHERE published_at IS NULL AND created_at < ? AND created_at >= ? AND (created_at > ? OR id > ?)`+condition+`
		ORDER BY created_at, id
		LIMIT ?
		FOR UPDATE SKIP LOCKED`, append(args, sweepBatchSize)...)
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	return rows, nil
}

// hasPending reports whether there are pending rows that were created between two
// times, inclusively.
func hasPending(ctx context.Context, q database.Queryer, from, to time.Time) (exists bool, err error) {
	err = q.QueryRowContext(ctx, `
		SELECT EXISTS (
			SELECT 1 FROM outbox FORCE INDEX (outbox_by_publication)
			WHERE published_at IS NULL AND created_at >= ? AND created_at <= ?)`, from, to).Scan(&exists)
	return exists, err
}

// scanOutbox reads a row. It returns an error if the query failed, and a row with an err
// if the row's content is invalid.
func scanOutbox(rows database.Scanner) (outboxRow, error) {
	var row outboxRow
	var aggregateID string
	var attributes []byte
	e := &row.event
	err := rows.Scan(&row.id, &e.AggregateType, &aggregateID, &e.Type, (*[]byte)(&e.Payload), &e.Traceparent, &row.createdAt, &attributes)
	if err != nil {
		return outboxRow{}, err
	}
	e.Time = row.createdAt
	if e.ID, err = uuid.FromBytes(row.id); err != nil {
		row.err = fmt.Errorf("read event %x: id: %w", row.id, err)
	} else if e.AggregateID, err = uuid.Parse(aggregateID); err != nil {
		row.err = fmt.Errorf("read event %s: aggregateid: %w", e.ID, err)
	} else if !json.Valid(e.Payload) {
		row.err = fmt.Errorf("read event %s: payload: not JSON", e.ID)
	} else if attributes != nil {
		if err := json.Unmarshal(attributes, &e.Extra); err != nil {
			row.err = fmt.Errorf("read event %s: attributes: %w", e.ID, err)
		}
	}
	return row, nil
}

// markBatchSize is the maximum number of rows that one statement of markPublished changes.
const markBatchSize = 500

// markPublished marks events as published, in the order of their ids, so that concurrent
// statements of several instances do not deadlock.
func markPublished(ctx context.Context, q database.Queryer, ids []uuid.UUID, at time.Time) error {
	for batch := range slices.Chunk(database.SortedIDs(slices.Values(ids)), markBatchSize) {
		_, err := q.ExecContext(ctx, `
			UPDATE outbox SET published_at = ?
			WHERE id IN (`+database.Placeholders(len(batch))+`)`, append([]any{at}, database.IDs(batch)...)...)
		if err != nil {
			return fmt.Errorf("mark %d events as published: %w", len(batch), err)
		}
	}
	return nil
}

const (
	// markPending marks a batch of published rows as pending, oldest first. The
	// updated rows no longer match the condition, so the next batch begins after them.
	markPending = `UPDATE outbox SET published_at = NULL WHERE published_at >= ? ORDER BY published_at LIMIT ?`
	pruneOutbox = `DELETE FROM outbox WHERE published_at < ? ORDER BY published_at LIMIT ?`
	pruneInbox  = `DELETE FROM inbox WHERE received_at < ? ORDER BY received_at LIMIT ?`
)
