package user

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// insertSession inserts a session, if the version of the password that was checked is
// still current, and the account still has or lacks a second factor. Condition and insert are
// one statement, so that a change of these, which deletes all sessions, cannot miss one.
func insertSession(ctx context.Context, q database.Queryer, s session, c credentials) (inserted bool, err error) {
	return database.Affected(q.ExecContext(ctx, `
		INSERT INTO session (id, family_id, user_id, refresh_hash, signed_in_at, created_at, expires_at)
		SELECT ?, ?, id, ?, ?, ?, ?
		FROM user
		WHERE id = ? AND password_version = ? AND second_factor = ?
		LOCK IN SHARE MODE`,
		s.ID[:], s.FamilyID[:], s.RefreshHash[:], s.SignedInAt, s.CreatedAt, s.ExpiresAt, s.UserID[:], c.PasswordVersion, c.SecondFactor))
}

// deleteExpiredSessions deletes expired sessions of a user, at most 100 at a time.
func deleteExpiredSessions(ctx context.Context, q database.Queryer, userID uuid.UUID, now time.Time) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM session
		WHERE user_id = ? AND expires_at <= ?
		ORDER BY expires_at
		LIMIT 100`, userID[:], now)
	return err
}

// lockSession returns the session of a refresh token and its user's rights. It locks the
// user first, as all operations that delete or rotate sessions do, so that a login can
// neither branch nor outlive a change of password.
func lockSession(ctx context.Context, tx *database.Tx, hash secretHash) (s session, r rights, err error) {
	userID, err := database.Get(ctx, tx, database.ScanColumn[uuid.UUID], `
		SELECT user_id
		FROM session
		WHERE refresh_hash = ?`, hash[:])
	if err != nil {
		return s, r, err
	}
	r, err = database.Get(ctx, tx, scanRights, `
		SELECT `+rightsColumns+`
		FROM user
		WHERE id = ?
		FOR UPDATE`, userID[:])
	if err != nil {
		return s, r, err
	}
	if r, err = lockRightsOf(ctx, tx, r); err != nil {
		return s, r, err
	}
	s, err = database.Get(ctx, tx, scanSession, `
		SELECT id, family_id, COALESCE(signed_in_at, created_at), created_at, expires_at, rotated_at
		FROM session
		WHERE refresh_hash = ?
		FOR UPDATE`, hash[:])
	s.UserID, s.RefreshHash = userID, hash
	return s, r, err
}

func scanSession(row database.Scanner) (s session, err error) {
	var rotatedAt sql.NullTime
	err = row.Scan(&s.ID, &s.FamilyID, &s.SignedInAt, &s.CreatedAt, &s.ExpiresAt, &rotatedAt)
	s.RotatedAt = rotatedAt.Time
	return s, err
}

// rotateSession marks a session's token as spent, unless it is already, and inserts
// the next session of its family.
func rotateSession(ctx context.Context, tx *database.Tx, spent, next session) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE session
		SET rotated_at = ?
		WHERE id = ? AND rotated_at IS NULL`, next.CreatedAt, spent.ID[:])
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO session (id, family_id, user_id, refresh_hash, signed_in_at, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
		next.ID[:], next.FamilyID[:], next.UserID[:], next.RefreshHash[:], next.SignedInAt, next.CreatedAt, next.ExpiresAt)
	if err != nil {
		return err
	}
	return deleteExpiredSessions(ctx, tx, next.UserID, next.CreatedAt)
}

// selectLogin returns the time of a login. The id of a family is the id of its first
// session. A login that has ended is not found.
func selectLogin(ctx context.Context, q database.Queryer, userID, familyID uuid.UUID) (time.Time, error) {
	return database.Get(ctx, q, database.ScanColumn[time.Time], `
		SELECT created_at
		FROM session
		WHERE id = ? AND user_id = ?`, familyID[:], userID[:])
}

// hasLogin reports whether a login of a user has not ended.
func hasLogin(ctx context.Context, q database.Queryer, userID, familyID uuid.UUID) (bool, error) {
	_, err := database.Get(ctx, q, database.ScanColumn[uuid.UUID], `
		SELECT id
		FROM session FORCE INDEX (session_by_family)
		WHERE family_id = ? AND user_id = ?
		LIMIT 1`, familyID[:], userID[:])
	if errors.Is(err, database.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// login is one login of a user, derived from its refresh tokens.
type login struct {
	SignedInAt  time.Time `json:"signedInAt"`
	RefreshedAt time.Time `json:"refreshedAt" doc:"The time of the last refresh."`
	ExpiresAt   time.Time `json:"expiresAt"`
}

// selectLogins returns a user's logins that have not expired, newest first.
func selectLogins(ctx context.Context, q database.Queryer, userID uuid.UUID, now time.Time) ([]login, error) {
	return database.Collect(ctx, q, scanLogin, `
		SELECT MIN(COALESCE(signed_in_at, created_at)), MAX(created_at), MAX(expires_at)
		FROM session
		WHERE user_id = ? AND expires_at > ?
		GROUP BY family_id
		ORDER BY MIN(COALESCE(signed_in_at, created_at)) DESC`, userID[:], now)
}

func scanLogin(row database.Scanner) (l login, err error) {
	err = row.Scan(&l.SignedInAt, &l.RefreshedAt, &l.ExpiresAt)
	return l, err
}

// deleteFamily deletes the sessions of one login of a user.
func deleteFamily(ctx context.Context, q database.Queryer, userID, familyID uuid.UUID) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM session
		WHERE family_id = ? AND user_id = ?`, familyID[:], userID[:])
	return err
}

// deleteOtherFamilies deletes the sessions of all logins of a user but one.
func deleteOtherFamilies(ctx context.Context, tx *database.Tx, userID, familyID uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM session
		WHERE user_id = ? AND family_id <> ?`, userID[:], familyID[:])
	return err
}
