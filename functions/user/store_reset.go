package user

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

func insertPasswordReset(ctx context.Context, q database.Queryer, r passwordReset) error {
	_, err := q.ExecContext(ctx, `
		INSERT INTO password_reset (id, email_key, created_at, expires_at)
		VALUES (?, ?, ?, ?)`, r.ID[:], r.EmailKey, r.CreatedAt, r.ExpiresAt)
	return err
}

const resetColumns = `id, email_key, created_at, expires_at`

func scanPasswordReset(row database.Scanner) (r passwordReset, err error) {
	err = row.Scan(&r.ID, &r.EmailKey, &r.CreatedAt, &r.ExpiresAt)
	return r, err
}

// lockPasswordReset returns a reset and locks it until the transaction ends.
func lockPasswordReset(ctx context.Context, q database.Queryer, id uuid.UUID) (passwordReset, error) {
	return database.Get(ctx, q, scanPasswordReset, `
		SELECT `+resetColumns+`
		FROM password_reset
		WHERE id = ?
		FOR UPDATE`, id[:])
}

// lockPasswordResetByToken is lockPasswordReset by the hash of the reset's token.
func lockPasswordResetByToken(ctx context.Context, q database.Queryer, token secretHash) (passwordReset, error) {
	return database.Get(ctx, q, scanPasswordReset, `
		SELECT `+resetColumns+`
		FROM password_reset
		WHERE token_hash = ?
		FOR UPDATE`, token[:])
}

// selectUserByResetToken returns the account whose password a valid token may reset.
func selectUserByResetToken(ctx context.Context, q database.Queryer, token secretHash, now time.Time) (User, error) {
	return database.Get(ctx, q, scanUser, `
		SELECT u.id, u.email, u.name, u.phone, u.vat_number, u.role, u.staff_role, u.version, u.created_at, u.updated_at
		FROM password_reset r
		JOIN user u ON u.email_key = r.email_key
		WHERE r.token_hash = ? AND r.expires_at > ?`, token[:], now)
}

func updatePasswordResetToken(ctx context.Context, q database.Queryer, id uuid.UUID, token secretHash) error {
	_, err := q.ExecContext(ctx, `
		UPDATE password_reset
		SET token_hash = ?
		WHERE id = ?`, token[:], id[:])
	return err
}

func deletePasswordReset(ctx context.Context, q database.Queryer, id uuid.UUID) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM password_reset
		WHERE id = ?`, id[:])
	return err
}

// deletePasswordResets deletes all resets of an address's account, and so their tokens.
func deletePasswordResets(ctx context.Context, q database.Queryer, email string) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM password_reset
		WHERE email_key = ?`, emailKey(email))
	return err
}

// replacePassword replaces the password of an account, whatever its version.
func replacePassword(ctx context.Context, q database.Queryer, id uuid.UUID, hash string) error {
	_, err := q.ExecContext(ctx, `
		UPDATE user
		SET password_hash = ?, password_version = password_version + 1
		WHERE id = ?`, hash, id[:])
	return err
}
