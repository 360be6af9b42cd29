package maildelivery

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// insertDeliveries inserts the deliveries of events' mails that do not exist, claimed until a
// time, and returns their ids.
func insertDeliveries(ctx context.Context, tx *database.Tx, consumer string, eventIDs []uuid.UUID, until time.Time) (inserted map[uuid.UUID]bool, err error) {
	return database.InsertMissing(eventIDs, func(ids []uuid.UUID) error {
		rows := make([][]any, len(ids))
		for i := range ids {
			rows[i] = []any{consumer, ids[i][:], 1, until}
		}
		return database.InsertRows(ctx, tx, "mail_delivery (consumer, event_id, attempts, claimed_until)", "", rows)
	}, func(ids []uuid.UUID) (map[uuid.UUID]bool, error) {
		exists := map[uuid.UUID]bool{}
		deliveries, err := lockDeliveries(ctx, tx, consumer, ids)
		for id := range deliveries {
			exists[id] = true
		}
		return exists, err
	})
}

// lockDeliveries returns the ends of the claims of events' mails, and locks them until the
// transaction ends.
func lockDeliveries(ctx context.Context, tx *database.Tx, consumer string, eventIDs []uuid.UUID) (map[uuid.UUID]time.Time, error) {
	deliveries := map[uuid.UUID]time.Time{}
	if len(eventIDs) == 0 {
		return deliveries, nil
	}
	return deliveries, database.Each(ctx, tx, func(row database.Scanner) error {
		var id uuid.UUID
		var until time.Time
		err := row.Scan(&id, &until)
		deliveries[id] = until
		return err
	}, `
		SELECT event_id, claimed_until
		FROM mail_delivery
		WHERE consumer = ? AND event_id IN (`+database.Placeholders(len(eventIDs))+`)
		ORDER BY event_id
		FOR UPDATE`, append([]any{consumer}, database.IDs(eventIDs)...)...)
}

// claimDeliveries counts an attempt and claims deliveries until a time.
func claimDeliveries(ctx context.Context, tx *database.Tx, consumer string, eventIDs []uuid.UUID, until time.Time) error {
	if len(eventIDs) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE mail_delivery
		SET attempts = attempts + 1, claimed_until = ?
		WHERE consumer = ? AND event_id IN (`+database.Placeholders(len(eventIDs))+`)`,
		append([]any{until, consumer}, database.IDs(eventIDs)...)...)
	return err
}

// releaseDelivery ends the claim of a failed attempt. The row remains, so that the next
// attempt sends the same mail without spending the quota again.
func releaseDelivery(ctx context.Context, q database.Queryer, consumer string, eventID uuid.UUID, now time.Time) error {
	_, err := q.ExecContext(ctx, `
		UPDATE mail_delivery
		SET claimed_until = ?
		WHERE consumer = ? AND event_id = ?`, now, consumer, eventID[:])
	return err
}

func deleteDeliveries(ctx context.Context, tx *database.Tx, consumer string, eventIDs []uuid.UUID) error {
	if len(eventIDs) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		DELETE FROM mail_delivery
		WHERE consumer = ? AND event_id IN (`+database.Placeholders(len(eventIDs))+`)`,
		append([]any{consumer}, database.IDs(eventIDs)...)...)
	if err != nil {
		return fmt.Errorf("delete %d deliveries: %w", len(eventIDs), err)
	}
	return nil
}

// Prune deletes the deliveries of mails that were never sent, which belong to dead letters.
func Prune(ctx context.Context, db *database.DB, now time.Time) error {
	return database.Prune(ctx, db, pruneDeliveries, now.Add(-retention))
}

const pruneDeliveries = `DELETE FROM mail_delivery WHERE claimed_until < ? ORDER BY claimed_until LIMIT ?`
