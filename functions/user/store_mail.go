package user

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// delivery is the state of an event's mail.
type delivery struct {
	Attempts     int
	ClaimedUntil time.Time
}

// lockDelivery returns the delivery of an event's mail and locks it until the transaction
// ends. It creates the delivery if it does not exist.
func lockDelivery(ctx context.Context, tx *database.Tx, consumer string, eventID uuid.UUID, now time.Time) (d delivery, err error) {
	// The update changes nothing but locks the row.
	_, err = tx.ExecContext(ctx, `
		INSERT INTO mail_delivery (consumer, event_id, attempts, claimed_until)
		VALUES (?, ?, 0, ?)
		ON DUPLICATE KEY UPDATE attempts = attempts`, consumer, eventID[:], now)
	if err != nil {
		return d, err
	}
	return database.Get(ctx, tx, scanDelivery, `
		SELECT attempts, claimed_until
		FROM mail_delivery
		WHERE consumer = ? AND event_id = ?
		FOR UPDATE`, consumer, eventID[:])
}

func scanDelivery(row database.Scanner) (d delivery, err error) {
	err = row.Scan(&d.Attempts, &d.ClaimedUntil)
	return d, err
}

// claimDelivery counts an attempt and claims the delivery until a time.
func claimDelivery(ctx context.Context, tx *database.Tx, consumer string, eventID uuid.UUID, until time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE mail_delivery
		SET attempts = attempts + 1, claimed_until = ?
		WHERE consumer = ? AND event_id = ?`, until, consumer, eventID[:])
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

func deleteDelivery(ctx context.Context, tx *database.Tx, consumer string, eventID uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM mail_delivery
		WHERE consumer = ? AND event_id = ?`, consumer, eventID[:])
	return err
}

// lockMailQuota returns the time until which a bucket's mails are spent, now for a new
// bucket, and locks the bucket until the transaction ends.
func lockMailQuota(ctx context.Context, q database.Queryer, bucket secretHash, now time.Time) (spentUntil time.Time, err error) {
	// The update changes nothing but locks the row.
	_, err = q.ExecContext(ctx, `
		INSERT INTO mail_quota (bucket, spent_until)
		VALUES (?, ?)
		ON DUPLICATE KEY UPDATE bucket = bucket`, bucket[:], now)
	if err != nil {
		return time.Time{}, err
	}
	return database.Get(ctx, q, database.ScanColumn[time.Time], `
		SELECT spent_until
		FROM mail_quota
		WHERE bucket = ?
		FOR UPDATE`, bucket[:])
}

func updateMailQuota(ctx context.Context, q database.Queryer, bucket secretHash, spentUntil time.Time) error {
	_, err := q.ExecContext(ctx, `
		UPDATE mail_quota
		SET spent_until = ?
		WHERE bucket = ?`, spentUntil, bucket[:])
	return err
}

// Statements for database.Prune. Old deliveries belong to dead letters.
const (
	pruneDeliveries = `DELETE FROM mail_delivery WHERE claimed_until < ? ORDER BY claimed_until LIMIT ?`
	pruneQuotas     = `DELETE FROM mail_quota WHERE spent_until < ? ORDER BY spent_until LIMIT ?`
)
