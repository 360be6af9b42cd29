package user

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// takeTry takes one try out of a bucket, if there is one: condition and change in
// one statement. Else it returns when the bucket will be full.
func takeTry(ctx context.Context, q database.Queryer, b bucket, now time.Time) (fullAt time.Time, taken bool, err error) {
	// A bucket that nobody drew on lately has no row: it is full. Whoever comes
	// second waits here for the first, by the update, which changes nothing.
	_, err = q.ExecContext(ctx, `
		INSERT INTO login_limit (bucket, full_at)
		VALUES (?, ?)
		ON DUPLICATE KEY UPDATE full_at = full_at`, b.key[:], now)
	if err != nil {
		return fullAt, false, err
	}
	result, err := q.ExecContext(ctx, `
		UPDATE login_limit
		SET full_at = GREATEST(full_at, ?) + INTERVAL ? MICROSECOND
		WHERE bucket = ? AND full_at <= ?`, now, b.step().Microseconds(), b.key[:], b.latest(now))
	if err != nil {
		return fullAt, false, err
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 1 {
		return fullAt, err == nil, err
	}
	err = q.QueryRowContext(ctx, `
		SELECT full_at
		FROM login_limit
		WHERE bucket = ?`, b.key[:]).
		Scan(&fullAt)
	return fullAt, false, err
}

// giveBackTries puts a try back into each bucket.
func giveBackTries(ctx context.Context, q database.Queryer, buckets []bucket) error {
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

// refill makes a bucket full.
func refill(ctx context.Context, q database.Queryer, b bucket) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM login_limit
		WHERE bucket = ?`, b.key[:])
	return err
}

// deleteFullLimits is for database.Prune.
const deleteFullLimits = `
	DELETE FROM login_limit
	WHERE full_at < ?
	ORDER BY full_at
	LIMIT ?`

// isFamiliar says whether the account was signed in to from the network with the
// password that it has now.
func isFamiliar(ctx context.Context, q database.Queryer, c credentials, network networkKey) (familiar bool, err error) {
	err = q.QueryRowContext(ctx, `
		SELECT TRUE
		FROM login_network
		WHERE user_id = ? AND network = ? AND password_version = ?`, c.UserID[:], network[:], c.PasswordVersion).
		Scan(&familiar)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return familiar, err
}

// rememberNetwork keeps the network of a login, and of the account's no more than
// the maxNetworks used last.
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
	var oldest time.Time
	err = q.QueryRowContext(ctx, `
		SELECT seen_at
		FROM login_network
		WHERE user_id = ?
		ORDER BY seen_at DESC
		LIMIT 1 OFFSET ?`, c.UserID[:], maxNetworks-1).
		Scan(&oldest)
	if errors.Is(err, sql.ErrNoRows) { // fewer
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

// familiarNetwork is a network that an account was signed in to from: what is kept
// of it tells whether another is the same, and not which one it is.
type familiarNetwork struct {
	Hash   string    `json:"hash"`
	SeenAt time.Time `json:"seenAt"`
}

// selectNetworks returns the networks that an account was signed in to from, the
// one used last first.
func selectNetworks(ctx context.Context, q database.Queryer, userID uuid.UUID) ([]familiarNetwork, error) {
	rows, err := q.QueryContext(ctx, `
		SELECT LOWER(HEX(network)), seen_at
		FROM login_network
		WHERE user_id = ?
		ORDER BY seen_at DESC`, userID[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	networks := []familiarNetwork{}
	for rows.Next() {
		var n familiarNetwork
		if err := rows.Scan(&n.Hash, &n.SeenAt); err != nil {
			return nil, err
		}
		networks = append(networks, n)
	}
	return networks, rows.Err()
}

// deleteOldNetworks is for database.Prune.
const deleteOldNetworks = `
	DELETE FROM login_network
	WHERE seen_at < ?
	ORDER BY seen_at
	LIMIT ?`
