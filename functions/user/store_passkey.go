package user

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

const passkeyColumns = `id, user_id, name, credential_id, public_key, sign_count, backup_eligible, transports, created_at` //nolint:gosec // G101: names of columns

func scanPasskey(row database.Scanner) (p passkey, err error) {
	var transports string
	err = row.Scan(&p.ID, &p.UserID, &p.Name, &p.CredentialID, &p.PublicKey, &p.SignCount, &p.BackupEligible, &transports, &p.CreatedAt)
	p.Transports = strings.Fields(transports)
	return p, err
}

// insertPasskey inserts a passkey. The error is a duplicate if any account has it.
func insertPasskey(ctx context.Context, q database.Queryer, p passkey) error {
	_, err := q.ExecContext(ctx, `
		INSERT INTO passkey (`+passkeyColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.ID[:], p.UserID[:], p.Name, p.CredentialID, p.PublicKey, p.SignCount, p.BackupEligible, strings.Join(p.Transports, " "), p.CreatedAt)
	return err
}

// selectPasskeys returns the passkeys of a user.
func selectPasskeys(ctx context.Context, q database.Queryer, userID uuid.UUID) ([]passkey, error) {
	return database.Collect(ctx, q, scanPasskey, `
		SELECT `+passkeyColumns+`
		FROM passkey
		WHERE user_id = ?
		ORDER BY id
		LIMIT ?`, userID[:], maxPasskeys)
}

// selectPasskey returns the passkey of a user with a credential id.
func selectPasskey(ctx context.Context, q database.Queryer, userID uuid.UUID, credentialID []byte) (passkey, error) {
	return database.Get(ctx, q, scanPasskey, `
		SELECT `+passkeyColumns+`
		FROM passkey
		WHERE credential_id = ? AND user_id = ?`, credentialID, userID[:])
}

// spendSignCount stores the signature counter of a sign-in, and reports whether the passkey
// exists and the counter has grown, unless the authenticator has none. Condition and change are
// one statement.
func spendSignCount(ctx context.Context, q database.Queryer, p passkey, now time.Time) (bool, error) {
	return database.Affected(q.ExecContext(ctx, `
		UPDATE passkey
		SET sign_count = ?, used_at = ?
		WHERE id = ? AND (sign_count < ? OR (sign_count = 0 AND ? = 0))`, p.SignCount, now, p.ID[:], p.SignCount, p.SignCount))
}

// selectPasswordVersion returns the credentials of an account with a second factor, without the
// hash of its password.
func selectPasswordVersion(ctx context.Context, q database.Queryer, id uuid.UUID) (credentials, error) {
	return database.Get(ctx, q, scanAccount, `
		SELECT id, role, staff_role, password_version, second_factor
		FROM user
		WHERE id = ?`, id[:])
}

// deletePasskey deletes a passkey of a user, and reports whether it existed.
func deletePasskey(ctx context.Context, q database.Queryer, userID, id uuid.UUID) (bool, error) {
	return database.Affected(q.ExecContext(ctx, `
		DELETE FROM passkey
		WHERE id = ? AND user_id = ?`, id[:], userID[:]))
}

// deletePasskeysSince deletes the passkeys of a user that were registered since a time, and reports
// whether there were any.
func deletePasskeysSince(ctx context.Context, q database.Queryer, userID uuid.UUID, since time.Time) (bool, error) {
	return database.Affected(q.ExecContext(ctx, `
		DELETE FROM passkey
		WHERE user_id = ? AND created_at >= ?`, userID[:], since))
}

func deletePasskeys(ctx context.Context, q database.Queryer, userID uuid.UUID) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM passkey
		WHERE user_id = ?`, userID[:])
	return err
}
