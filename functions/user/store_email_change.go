package user

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

const emailChangeColumns = `id, user_id, old_email, new_email, created_at, confirmed_at, expires_at`

func scanEmailChange(row database.Scanner) (c emailChange, err error) {
	var confirmedAt sql.NullTime
	err = row.Scan(&c.ID, &c.UserID, &c.OldEmail, &c.NewEmail, &c.CreatedAt, &confirmedAt, &c.ExpiresAt)
	c.ConfirmedAt = confirmedAt.Time
	return c, err
}

func insertEmailChange(ctx context.Context, q database.Queryer, c emailChange) error {
	_, err := q.ExecContext(ctx, `
		INSERT INTO email_change (id, user_id, old_email, new_email, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?)`, c.ID[:], c.UserID[:], c.OldEmail, c.NewEmail, c.CreatedAt, c.ExpiresAt)
	return err
}

// lockEmailChange returns a change and locks it until the transaction ends.
func lockEmailChange(ctx context.Context, q database.Queryer, id uuid.UUID) (emailChange, error) {
	return database.Get(ctx, q, scanEmailChange, `
		SELECT `+emailChangeColumns+`
		FROM email_change
		WHERE id = ?
		FOR UPDATE`, id[:])
}

// lockEmailChangeByToken is lockEmailChange by the hash of the token that confirms a change of
// a user.
func lockEmailChangeByToken(ctx context.Context, q database.Queryer, userID uuid.UUID, token secretHash) (emailChange, error) {
	return database.Get(ctx, q, scanEmailChange, `
		SELECT `+emailChangeColumns+`
		FROM email_change
		WHERE token_hash = ? AND user_id = ? AND confirmed_at IS NULL
		FOR UPDATE`, token[:], userID[:])
}

// lockEmailChangeByRevertToken is lockEmailChange by the hash of the token that reverts a
// change of a user.
func lockEmailChangeByRevertToken(ctx context.Context, q database.Queryer, userID uuid.UUID, token secretHash) (emailChange, error) {
	return database.Get(ctx, q, scanEmailChange, `
		SELECT `+emailChangeColumns+`
		FROM email_change
		WHERE revert_hash = ? AND user_id = ? AND confirmed_at IS NOT NULL
		FOR UPDATE`, token[:], userID[:])
}

// selectUserByRevertToken returns the user whose change a token reverts.
func selectUserByRevertToken(ctx context.Context, q database.Queryer, token secretHash) (uuid.UUID, error) {
	return database.Get(ctx, q, database.ScanColumn[uuid.UUID], `
		SELECT user_id
		FROM email_change
		WHERE revert_hash = ?`, token[:])
}

func updateEmailChangeToken(ctx context.Context, q database.Queryer, id uuid.UUID, token secretHash) error {
	_, err := q.ExecContext(ctx, `
		UPDATE email_change
		SET token_hash = ?
		WHERE id = ?`, token[:], id[:])
	return err
}

func updateEmailChangeRevertToken(ctx context.Context, q database.Queryer, id uuid.UUID, token secretHash) error {
	_, err := q.ExecContext(ctx, `
		UPDATE email_change
		SET revert_hash = ?
		WHERE id = ?`, token[:], id[:])
	return err
}

// updateEmailChangeConfirmed marks a change as confirmed. oldEmail is the address that it
// replaced.
func updateEmailChangeConfirmed(ctx context.Context, q database.Queryer, id uuid.UUID, oldEmail string, at, expiresAt time.Time) error {
	_, err := q.ExecContext(ctx, `
		UPDATE email_change
		SET old_email = ?, confirmed_at = ?, expires_at = ?
		WHERE id = ?`, oldEmail, at, expiresAt, id[:])
	return err
}

func deleteUnconfirmedEmailChanges(ctx context.Context, q database.Queryer, userID uuid.UUID) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM email_change
		WHERE user_id = ? AND confirmed_at IS NULL`, userID[:])
	return err
}

// deleteEmailChangesSince deletes the changes of a user from a time of request on.
func deleteEmailChangesSince(ctx context.Context, q database.Queryer, userID uuid.UUID, since time.Time) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM email_change
		WHERE user_id = ? AND created_at >= ?`, userID[:], since)
	return err
}

// updateEmail updates the address of a locked account. The error is a duplicate if another
// account has the address.
func updateEmail(ctx context.Context, q database.Queryer, u User) error {
	_, err := q.ExecContext(ctx, `
		UPDATE user
		SET email = ?, email_key = ?, version = ?, updated_at = ?
		WHERE id = ?`, u.Email, emailKey(u.Email), u.Version, u.UpdatedAt, u.ID[:])
	return err
}

// storedEmailChange is a change of an e-mail address in an export.
type storedEmailChange struct {
	OldEmail    string     `json:"oldEmail"`
	NewEmail    string     `json:"newEmail"`
	RequestedAt time.Time  `json:"requestedAt"`
	ConfirmedAt *time.Time `json:"confirmedAt,omitempty"`
}

// selectEmailChanges returns the stored changes of a user's address, newest first.
func selectEmailChanges(ctx context.Context, q database.Queryer, userID uuid.UUID) ([]storedEmailChange, error) {
	return database.Collect(ctx, q, func(row database.Scanner) (s storedEmailChange, err error) {
		c, err := scanEmailChange(row)
		s = storedEmailChange{OldEmail: c.OldEmail, NewEmail: c.NewEmail, RequestedAt: c.CreatedAt}
		if !c.ConfirmedAt.IsZero() {
			s.ConfirmedAt = &c.ConfirmedAt
		}
		return s, err
	}, `
		SELECT `+emailChangeColumns+`
		FROM email_change
		WHERE user_id = ?
		ORDER BY created_at DESC
		LIMIT 100`, userID[:])
}

// pruneEmailChanges is a statement for database.Prune.
const pruneEmailChanges = `DELETE FROM email_change WHERE expires_at < ? ORDER BY expires_at LIMIT ?`
