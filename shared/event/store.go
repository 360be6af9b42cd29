package event

import (
	"context"
	"fmt"
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

// lockUnpublished returns the oldest unpublished events older than before, except
// those of some types, and holds their rows until the transaction ends. The index is
// forced because MySQL may prefer to read and sort the whole of a small table, and
// then locks every row of it, not only those within the limit.
func lockUnpublished(ctx context.Context, tx *database.Tx, before time.Time, without []string) ([]Event, error) {
	args, others := []any{before}, ""
	if len(without) > 0 {
		others = ` AND type NOT IN (?` + strings.Repeat(", ?", len(without)-1) + `)`
	}
	for _, eventType := range without {
		args = append(args, eventType)
	}
	rows, err := tx.QueryContext(ctx, `
		SELECT id, aggregatetype, aggregateid, type, payload, traceparent, created_at
		FROM outbox FORCE INDEX (outbox_by_publication)
		WHERE published_at IS NULL AND created_at < ?`+others+`
		ORDER BY created_at, id
		LIMIT ?
		FOR UPDATE SKIP LOCKED`, append(args, sweepBatch)...)
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	defer rows.Close()
	var events []Event
	for rows.Next() {
		var e Event
		var payload []byte
		if err := rows.Scan(&e.ID, &e.AggregateType, &e.AggregateID, &e.Type, &payload, &e.Traceparent, &e.Time); err != nil {
			return nil, fmt.Errorf("read the outbox: %w", err)
		}
		e.Payload = payload
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	return events, nil
}

func markPublished(ctx context.Context, q database.Queryer, ids []uuid.UUID, at time.Time) error {
	args := []any{at}
	for i := range ids {
		args = append(args, ids[i][:])
	}
	_, err := q.ExecContext(ctx, `
		UPDATE outbox SET published_at = ?
		WHERE id IN (?`+strings.Repeat(", ?", len(ids)-1)+`)`, args...)
	if err != nil {
		return fmt.Errorf("mark %d events as published: %w", len(ids), err)
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
