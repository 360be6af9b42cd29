package user

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
)

// insertUser keeps a new account. The error is a duplicate when its e-mail
// address has one.
func insertUser(ctx context.Context, q database.Queryer, u User, passwordHash string) error {
	_, err := q.ExecContext(ctx, `
		INSERT INTO user (id, email, email_key, password_hash, password_version, name, role, version, created_at, updated_at)
		VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?)`,
		u.ID[:], u.Email, emailKey(u.Email), passwordHash, u.Name, u.Role, u.Version, u.CreatedAt, u.UpdatedAt)
	return err
}

func selectUser(ctx context.Context, q database.Queryer, id uuid.UUID) (u User, err error) {
	err = q.QueryRowContext(ctx, `
		SELECT id, email, name, role, version, created_at, updated_at
		FROM user
		WHERE id = ?`, id[:]).
		Scan(&u.ID, &u.Email, &u.Name, &u.Role, &u.Version, &u.CreatedAt, &u.UpdatedAt)
	return u, err
}

func selectCredentials(ctx context.Context, q database.Queryer, key string) (c credentials, err error) {
	err = q.QueryRowContext(ctx, `
		SELECT id, role, password_hash, password_version
		FROM user
		WHERE email_key = ?`, key).
		Scan(&c.UserID, &c.Role, &c.PasswordHash, &c.PasswordVersion)
	return c, err
}

// updatePasswordHash replaces the hash of the same password by another. Where
// the password has changed since that version, it does nothing.
func updatePasswordHash(ctx context.Context, q database.Queryer, id uuid.UUID, passwordVersion int64, hash string) error {
	_, err := q.ExecContext(ctx, `
		UPDATE user
		SET password_hash = ?
		WHERE id = ? AND password_version = ?`, hash, id[:], passwordVersion)
	return err
}

// updateLogin gives an account another password and role.
func updateLogin(ctx context.Context, q database.Queryer, id uuid.UUID, role auth.Role, hash string, now time.Time) error {
	_, err := q.ExecContext(ctx, `
		UPDATE user
		SET password_hash = ?, password_version = password_version + 1, role = ?, version = version + 1, updated_at = ?
		WHERE id = ?`, hash, role, now, id[:])
	return err
}

// insertSession keeps a session, if the password that was checked for it is the
// account's still: condition and insert in one statement, so that a change of
// password that ends all sessions cannot miss one.
func insertSession(ctx context.Context, q database.Queryer, s session, passwordVersion int64) (inserted bool, err error) {
	result, err := q.ExecContext(ctx, `
		INSERT INTO session (id, family_id, user_id, refresh_hash, created_at, expires_at)
		SELECT ?, ?, id, ?, ?, ?
		FROM user
		WHERE id = ? AND password_version = ?
		LOCK IN SHARE MODE`,
		s.ID[:], s.FamilyID[:], s.RefreshHash[:], s.CreatedAt, s.ExpiresAt, s.UserID[:], passwordVersion)
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	return rows == 1, err
}

// deleteExpiredSessions tidies up behind a user who signs in, a few rows at a time.
func deleteExpiredSessions(ctx context.Context, q database.Queryer, userID uuid.UUID, now time.Time) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM session
		WHERE user_id = ? AND expires_at <= ?
		ORDER BY expires_at
		LIMIT 100`, userID[:], now)
	return err
}
