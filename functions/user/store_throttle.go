package user

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// spendAttempt spends one attempt of a bucket, if it has one, and reports whether it did.
// Condition and change are one statement. If the bucket is empty, it returns the time
// when the bucket will be full.
func spendAttempt(ctx context.Context, q database.Queryer, b bucket, now time.Time) (fullAt time.Time, spent bool, err error) {
	// A bucket without a row is full. The update changes nothing but locks the row, so
	// that concurrent attempts wait for each other.
	_, err = q.ExecContext(ctx, `
		INSERT INTO login_limit (bucket, full_at)
		VALUES (?, ?)
		ON DUPLICATE KEY UPDATE full_at = full_at`, b.key[:], now)
	if err != nil {
		return fullAt, false, err
	}
	spent, err = database.Affected(q.ExecContext(ctx, `
		UPDATE login_limit
		SET full_at = GREATEST(full_at, ?) + INTERVAL ? MICROSECOND
		WHERE bucket = ? AND full_at <= ?`, now, b.step().Microseconds(), b.key[:], b.latest(now)))
	if err != nil || spent {
		return fullAt, spent, err
	}
	fullAt, err = database.Get(ctx, q, database.ScanColumn[time.Time], `
		SELECT full_at
		FROM login_limit
		WHERE bucket = ?`, b.key[:])
	return fullAt, false, err
}

// refundAttempts refunds one attempt to each bucket.
func refundAttempts(ctx context.Context, q database.Queryer, buckets []bucket) error {
	for _, b := range buckets {
		_, err := q.ExecContext(ctx, `
			UPDATE login_limit
			SET full_at = full_at - INTERVAL ? MICROSECOND
			WHERE bucket = ?`, b.step().Microseconds(), b.key[:])
		if err != nil {
			return err
		}
	}
	return nil
}

// resetBucket makes a bucket full.
func resetBucket(ctx context.Context, q database.Queryer, b bucket) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM login_limit
		WHERE bucket = ?`, b.key[:])
	return err
}

// pruneLimits is a statement for database.Prune.
const pruneLimits = `
	DELETE FROM login_limit
	WHERE full_at < ?
	ORDER BY full_at
	LIMIT ?`

// isFamiliar reports whether the account was signed in to from the network with its
// current password.
func isFamiliar(ctx context.Context, q database.Queryer, c credentials, network networkKey) (familiar bool, err error) {
	familiar, err = database.Get(ctx, q, database.ScanColumn[bool], `
		SELECT TRUE
		FROM login_network
		WHERE user_id = ? AND network = ? AND password_version = ?`, c.UserID[:], network[:], c.PasswordVersion)
	if errors.Is(err, database.ErrNotFound) {
		return false, nil
	}
	return familiar, err
}

// rememberNetwork stores the network of a login. It retains the maxNetworks most recent
// networks of the account.
func rememberNetwork(ctx context.Context, q database.Queryer, c credentials, network networkKey, now time.Time) error {
	_, err := q.ExecContext(ctx, `
		INSERT INTO login_network (user_id, network, password_version, seen_at)
		SELECT id, ?, ?, ?
		FROM user
		WHERE id = ?
		ON DUPLICATE KEY UPDATE password_version = ?, seen_at = ?`,
		network[:], c.PasswordVersion, now, c.UserID[:], c.PasswordVersion, now)
	if err != nil {
		return err
	}
	oldest, err := database.Get(ctx, q, database.ScanColumn[time.Time], `
		SELECT seen_at
		FROM login_network
		WHERE user_id = ?
		ORDER BY seen_at DESC
		LIMIT 1 OFFSET ?`, c.UserID[:], maxNetworks-1)
	if errors.Is(err, database.ErrNotFound) { // fewer than maxNetworks
		return nil
	}
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, `
		DELETE FROM login_network
		WHERE user_id = ? AND seen_at < ?`, c.UserID[:], oldest)
	return err
}

// familiarNetwork is a network from which an account was signed in to. Only its hash is
// stored, which identifies the network without revealing its address.
type familiarNetwork struct {
	Hash   string    `json:"hash"`
	SeenAt time.Time `json:"seenAt"`
}

// selectNetworks returns the networks from which an account was signed in to, most recent
// first.
func selectNetworks(ctx context.Context, q database.Queryer, userID uuid.UUID) ([]familiarNetwork, error) {
	return database.Collect(ctx, q, scanNetwork, `
		SELECT LOWER(HEX(network)), seen_at
		FROM login_network
		WHERE user_id = ?
		ORDER BY seen_at DESC`, userID[:])
}

func scanNetwork(row database.Scanner) (n familiarNetwork, err error) {
	err = row.Scan(&n.Hash, &n.SeenAt)
	return n, err
}

// pruneNetworks is a statement for database.Prune.
const pruneNetworks = `
	DELETE FROM login_network
	WHERE seen_at < ?
	ORDER BY seen_at
	LIMIT ?`
