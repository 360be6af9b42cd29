package user

import (
	"context"
	"time"

	"souk/shared/database"
)

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

// pruneQuotas is a statement for database.Prune.
const pruneQuotas = `DELETE FROM mail_quota WHERE spent_until < ? ORDER BY spent_until LIMIT ?`
