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

// lockRegistration returns a registration and locks it until the transaction ends.
func lockRegistration(ctx context.Context, q database.Queryer, id uuid.UUID) (Registration, error) {
	return database.Get(ctx, q, func(row database.Scanner) (r Registration, err error) {
		err = row.Scan(&r.ID, &r.Email, &r.Name, &r.CreatedAt, &r.ExpiresAt)
		return r, err
	}, `
		SELECT id, email, name, created_at, expires_at
		FROM registration
		WHERE id = ?
		FOR UPDATE`, id[:])
}

// lockRegistrationWithHash is lockRegistration with the hash of the registration's password.
func lockRegistrationWithHash(ctx context.Context, q database.Queryer, id uuid.UUID) (r Registration, passwordHash string, err error) {
	r, err = database.Get(ctx, q, func(row database.Scanner) (r Registration, err error) {
		err = row.Scan(&r.ID, &r.Email, &r.Name, &r.CreatedAt, &r.ExpiresAt, &passwordHash)
		return r, err
	}, `
		SELECT id, email, name, created_at, expires_at, password_hash
		FROM registration
		WHERE id = ?
		FOR UPDATE`, id[:])
	return r, passwordHash, err
}

// pendingRegistration is the id of a registration that can be confirmed, and the hash of
// its password.
type pendingRegistration struct {
	ID           uuid.UUID
	PasswordHash string
}

// selectPendingRegistration returns the latest registration of the address to which a
// token was mailed.
func selectPendingRegistration(ctx context.Context, q database.Queryer, token secretHash, now time.Time) (pendingRegistration, error) {
	return database.Get(ctx, q, scanPendingRegistration, `
		SELECT r.id, r.password_hash
		FROM email_confirmation c
		JOIN registration r ON r.email_key = c.email_key
		WHERE c.token_hash = ? AND c.expires_at > ? AND r.expires_at > ?
		ORDER BY r.created_at DESC, r.id DESC
		LIMIT 1`, token[:], now, now)
}

func scanPendingRegistration(row database.Scanner) (p pendingRegistration, err error) {
	err = row.Scan(&p.ID, &p.PasswordHash)
	return p, err
}

// spendConfirmation counts an attempt to confirm a registration, and reports whether the
// registration had an attempt left.
func spendConfirmation(ctx context.Context, q database.Queryer, id uuid.UUID, limit int) (bool, error) {
	return database.Affected(q.ExecContext(ctx, `
		UPDATE registration
		SET tries = tries + 1
		WHERE id = ? AND tries < ?`, id[:], limit))
}

// refundConfirmation reverts spendConfirmation.
func refundConfirmation(ctx context.Context, q database.Queryer, id uuid.UUID) error {
	_, err := q.ExecContext(ctx, `
		UPDATE registration
		SET tries = tries - 1
		WHERE id = ? AND tries > 0`, id[:])
	return err
}

// insertConfirmation stores the hash of a token that is mailed to an address. It may
// exist, because an event has the same token at each delivery.
func insertConfirmation(ctx context.Context, q database.Queryer, token secretHash, r Registration) error {
	_, err := q.ExecContext(ctx, `
		INSERT INTO email_confirmation (token_hash, email_key, expires_at)
		VALUES (?, ?, ?)
		ON DUPLICATE KEY UPDATE expires_at = ?`, token[:], emailKey(r.Email), r.ExpiresAt, r.ExpiresAt)
	return err
}

// deleteConfirmations deletes all tokens that were mailed to confirm an address.
func deleteConfirmations(ctx context.Context, q database.Queryer, email string) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM email_confirmation
		WHERE email_key = ?`, emailKey(email))
	return err
}

// deleteRegistrations deletes all registrations of an address.
func deleteRegistrations(ctx context.Context, q database.Queryer, email string) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM registration
		WHERE email_key = ?`, emailKey(email))
	return err
}

// deleteReplacedRegistrations deletes all registrations of an address but the new one.
func deleteReplacedRegistrations(ctx context.Context, q database.Queryer, r Registration) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM registration
		WHERE email_key = ? AND id <> ?`, emailKey(r.Email), r.ID[:])
	return err
}

// Statements for database.Prune.
const (
	pruneRegistrations = `DELETE FROM registration WHERE expires_at < ? ORDER BY expires_at LIMIT ?`
	pruneConfirmations = `DELETE FROM email_confirmation WHERE expires_at < ? ORDER BY expires_at LIMIT ?`
	pruneResets        = `DELETE FROM password_reset WHERE expires_at < ? ORDER BY expires_at LIMIT ?`
)
