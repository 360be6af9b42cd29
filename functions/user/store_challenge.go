package user

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// challengePurpose is what a challenge is the first step of.
type challengePurpose string

const (
	// passwordPurpose is a sign-in whose password was checked, and whose code is missing.
	passwordPurpose challengePurpose = "password"
	// passkeyPurpose is a sign-in with a passkey, and registrationPurpose the registration of one.
	passkeyPurpose      challengePurpose = "passkey"
	registrationPurpose challengePurpose = "registration"
)

// challenge is the first step of a sign-in or of the registration of a passkey.
type challenge struct {
	Purpose challengePurpose
	// UserID is uuid.Nil for a sign-in with a passkey.
	UserID uuid.UUID
	// PasswordVersion is that of the password that was checked.
	PasswordVersion int64
	// Ceremony is the state of a ceremony with a passkey.
	Ceremony  []byte
	ExpiresAt time.Time
}

func insertChallenge(ctx context.Context, q database.Queryer, token secretHash, c challenge) error {
	user := sql.Null[[]byte]{V: c.UserID[:], Valid: c.UserID != uuid.Nil}
	_, err := q.ExecContext(ctx, `
		INSERT INTO sign_in_challenge (token_hash, purpose, user_id, password_version, ceremony, expires_at)
		VALUES (?, ?, ?, ?, ?, ?)`, token[:], c.Purpose, user, c.PasswordVersion, c.Ceremony, c.ExpiresAt)
	return err
}

// spendChallenge counts an attempt to continue a challenge, and reports whether it exists, has
// not expired and had an attempt left.
func spendChallenge(ctx context.Context, q database.Queryer, token secretHash, limit int, now time.Time) (bool, error) {
	return database.Affected(q.ExecContext(ctx, `
		UPDATE sign_in_challenge
		SET tries = tries + 1
		WHERE token_hash = ? AND tries < ? AND expires_at > ?`, token[:], limit, now))
}

// selectChallenge returns a challenge that has not expired.
func selectChallenge(ctx context.Context, q database.Queryer, token secretHash, now time.Time) (challenge, error) {
	return database.Get(ctx, q, func(row database.Scanner) (c challenge, err error) {
		var user []byte
		if err := row.Scan(&c.Purpose, &user, &c.PasswordVersion, &c.Ceremony, &c.ExpiresAt); err != nil {
			return c, err
		}
		copy(c.UserID[:], user)
		return c, nil
	}, `
		SELECT purpose, user_id, COALESCE(password_version, 0), ceremony, expires_at
		FROM sign_in_challenge
		WHERE token_hash = ? AND expires_at > ?`, token[:], now)
}

// deleteChallenge deletes a challenge, and reports whether it existed: of several requests that
// continue a challenge one deletes it.
func deleteChallenge(ctx context.Context, q database.Queryer, token secretHash) (bool, error) {
	return database.Affected(q.ExecContext(ctx, `
		DELETE FROM sign_in_challenge
		WHERE token_hash = ?`, token[:]))
}

// pruneChallenges is a statement for database.Prune.
const pruneChallenges = `DELETE FROM sign_in_challenge WHERE expires_at < ? ORDER BY expires_at LIMIT ?`
