package event

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

func insertOutbox(ctx context.Context, q database.Queryer, events []Event) error {
	var args []any
	for i := range events {
		e := &events[i]
		args = append(args, e.ID[:], e.AggregateType, e.AggregateID.String(), e.Type, string(e.Payload), e.Traceparent, e.Time)
	}
	_, err := q.ExecContext(ctx, `
		INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, traceparent, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`+strings.Repeat(", (?, ?, ?, ?, ?, ?, ?)", len(events)-1), args...)
	return err
}

// place is a place in the outbox, which the sweep reads in the order of creation.
type place struct {
	createdAt time.Time
	id        []byte
}

// outboxRow is a row of the outbox, or why it cannot be read.
type outboxRow struct {
	place
	event Event
	err   error
}

// lockUnpublished returns the oldest unpublished rows after a place that are older than
// before, except those of some types, and holds them until the transaction ends. The
// index is forced because MySQL may prefer to read and sort the whole of a small table,
// and then locks every row of it, not only those within the limit.
func lockUnpublished(ctx context.Context, tx *database.Tx, after place, before time.Time, without []string) ([]outboxRow, error) {
	args, others := []any{before, after.createdAt, after.createdAt, after.id}, ""
	if len(without) > 0 {
		others = ` AND type NOT IN (?` + strings.Repeat(", ?", len(without)-1) + `)`
	}
	for _, eventType := range without {
		args = append(args, eventType)
	}
	rows, err := tx.QueryContext(ctx, `
		SELECT id, aggregatetype, aggregateid, type, payload, traceparent, created_at
		FROM outbox FORCE INDEX (outbox_by_publication)
		WHERE published_at IS NULL AND created_at < ? AND created_at >= ? AND (created_at > ? OR id > ?)`+others+`
		ORDER BY created_at, id
		LIMIT ?
		FOR UPDATE SKIP LOCKED`, append(args, sweepBatch)...)
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	defer rows.Close()
	var found []outboxRow
	for rows.Next() {
		row, err := scanOutbox(rows)
		if err != nil {
			return nil, fmt.Errorf("read the outbox: %w", err)
		}
		found = append(found, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	return found, nil
}

// hasUnpublished reports whether there are unpublished rows of a time.
func hasUnpublished(ctx context.Context, q database.Queryer, from, to time.Time) (has bool, err error) {
	err = q.QueryRowContext(ctx, `
		SELECT EXISTS (
			SELECT 1 FROM outbox FORCE INDEX (outbox_by_publication)
			WHERE published_at IS NULL AND created_at >= ? AND created_at <= ?)`, from, to).Scan(&has)
	return has, err
}

// scanOutbox reads a row. What one row holds is an error of that row alone.
func scanOutbox(rows *sql.Rows) (outboxRow, error) {
	var row outboxRow
	var aggregateID string
	e := &row.event
	err := rows.Scan(&row.id, &e.AggregateType, &aggregateID, &e.Type, (*[]byte)(&e.Payload), &e.Traceparent, &row.createdAt)
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
	}
	return row, nil
}

// markBatch is the most rows that one statement marks.
const markBatch = 500

// markPublished marks rows in the order of their ids: marks of several instances must
// not wait for each other in a circle.
func markPublished(ctx context.Context, q database.Queryer, ids []uuid.UUID, at time.Time) error {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	for batch := range slices.Chunk(sorted, markBatch) {
		args := []any{at}
		for i := range batch {
			args = append(args, batch[i][:])
		}
		_, err := q.ExecContext(ctx, `
			UPDATE outbox SET published_at = ?
			WHERE id IN (?`+strings.Repeat(", ?", len(batch)-1)+`)`, args...)
		if err != nil {
			return fmt.Errorf("mark %d events as published: %w", len(batch), err)
		}
	}
	return nil
}

const (
	// markUnpublished forgets that events were published, batch by batch, the first
	// ones first. What it marks falls out of its own range.
	markUnpublished = `UPDATE outbox SET published_at = NULL WHERE published_at >= ? ORDER BY published_at LIMIT ?`
	deleteOldOutbox = `DELETE FROM outbox WHERE published_at < ? ORDER BY published_at LIMIT ?`
	deleteOldInbox  = `DELETE FROM inbox WHERE received_at < ? ORDER BY received_at LIMIT ?`
)

// Receive notes in the inbox that a consumer has the event, as part of the
// transaction of its effect. It returns false when the consumer had it before.
func Receive(ctx context.Context, tx *database.Tx, consumer string, e Event, at time.Time) (bool, error) {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO inbox (consumer, event_id, received_at)
		VALUES (?, ?, ?)`, consumer, e.ID[:], at)
	if database.IsDuplicate(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("note event %s in the inbox: %w", e.ID, err)
	}
	return true, nil
}

// Received reports whether a consumer has the event in its inbox.
func Received(ctx context.Context, q database.Queryer, consumer string, e Event) (bool, error) {
	var count int
	err := q.QueryRowContext(ctx, `
		SELECT COUNT(*)
		FROM inbox
		WHERE consumer = ? AND event_id = ?`, consumer, e.ID[:]).Scan(&count)
	if err != nil {
		return false, fmt.Errorf("look event %s up in the inbox: %w", e.ID, err)
	}
	return count > 0, nil
}
