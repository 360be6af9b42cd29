package user

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

func insertRegistration(ctx context.Context, q database.Queryer, r Registration, passwordHash string) error {
	_, err := q.ExecContext(ctx, `
		INSERT INTO registration (id, email, email_key, password_hash, name, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
		r.ID[:], r.Email, emailKey(r.Email), passwordHash, r.Name, r.CreatedAt, r.ExpiresAt)
	return err
}

// lockRegistration returns a registration and holds it until the transaction ends.
func lockRegistration(ctx context.Context, q database.Queryer, id uuid.UUID) (r Registration, err error) {
	err = q.QueryRowContext(ctx, `
		SELECT id, email, name, created_at, expires_at
		FROM registration
		WHERE id = ?
		FOR UPDATE`, id[:]).
		Scan(&r.ID, &r.Email, &r.Name, &r.CreatedAt, &r.ExpiresAt)
	return r, err
}

// lockRegistrationByToken returns the registration of a token, and the hash of its
// password, and holds it until the transaction ends.
func lockRegistrationByToken(ctx context.Context, q database.Queryer, token secretHash) (r Registration, passwordHash string, err error) {
	err = q.QueryRowContext(ctx, `
		SELECT id, email, name, created_at, expires_at, password_hash
		FROM registration
		WHERE token_hash = ?
		FOR UPDATE`, token[:]).
		Scan(&r.ID, &r.Email, &r.Name, &r.CreatedAt, &r.ExpiresAt, &passwordHash)
	return r, passwordHash, err
}

func updateRegistrationToken(ctx context.Context, q database.Queryer, id uuid.UUID, token secretHash) error {
	_, err := q.ExecContext(ctx, `
		UPDATE registration
		SET token_hash = ?
		WHERE id = ?`, token[:], id[:])
	return err
}

func deleteRegistration(ctx context.Context, q database.Queryer, id uuid.UUID) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM registration
		WHERE id = ?`, id[:])
	return err
}

// deleteRegistrationsOf forgets all that was ever asked for with an address.
func deleteRegistrationsOf(ctx context.Context, q database.Queryer, email string) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM registration
		WHERE email_key = ?`, emailKey(email))
	return err
}

// lockMailQuota returns until when the mail of a bucket is spent, now for a new
// one, and holds the bucket until the transaction ends.
func lockMailQuota(ctx context.Context, q database.Queryer, bucket secretHash, now time.Time) (spentUntil time.Time, err error) {
	// The update, which changes nothing, takes the lock.
	_, err = q.ExecContext(ctx, `
		INSERT INTO mail_quota (bucket, spent_until)
		VALUES (?, ?)
		ON DUPLICATE KEY UPDATE bucket = bucket`, bucket[:], now)
	if err != nil {
		return time.Time{}, err
	}
	err = q.QueryRowContext(ctx, `
		SELECT spent_until
		FROM mail_quota
		WHERE bucket = ?
		FOR UPDATE`, bucket[:]).
		Scan(&spentUntil)
	return spentUntil, err
}

func updateMailQuota(ctx context.Context, q database.Queryer, bucket secretHash, spentUntil time.Time) error {
	_, err := q.ExecContext(ctx, `
		UPDATE mail_quota
		SET spent_until = ?
		WHERE bucket = ?`, spentUntil, bucket[:])
	return err
}

// What is over says nothing any more.
const (
	deleteExpiredRegistrations = `DELETE FROM registration WHERE expires_at < ? ORDER BY expires_at LIMIT ?`
	deleteExpiredResets        = `DELETE FROM password_reset WHERE expires_at < ? ORDER BY expires_at LIMIT ?`
	deleteFreeQuotas           = `DELETE FROM mail_quota WHERE spent_until < ? ORDER BY spent_until LIMIT ?`
)
