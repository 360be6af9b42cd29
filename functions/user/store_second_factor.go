package user

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/functions/user/internal/totp"
	"souk/shared/database"
)

// lockOwner returns an account and locks it until the transaction ends.
func lockOwner(ctx context.Context, tx *database.Tx, id uuid.UUID) (factorOwner, error) {
	return database.Get(ctx, tx, func(row database.Scanner) (o factorOwner, err error) {
		err = row.Scan(&o.ID, &o.Email, &o.SecondFactor)
		return o, err
	}, `
		SELECT id, email, second_factor
		FROM user
		WHERE id = ?
		FOR UPDATE`, id[:])
}

// lockCredentials returns the credentials of an account without the hash of its password, and
// locks the account until the transaction ends.
func lockCredentials(ctx context.Context, tx *database.Tx, id uuid.UUID) (credentials, error) {
	return database.Get(ctx, tx, scanAccount, `
		SELECT id, role, staff_role, password_version, second_factor
		FROM user
		WHERE id = ?
		FOR UPDATE`, id[:])
}

func updateSecondFactor(ctx context.Context, q database.Queryer, userID uuid.UUID, has bool) error {
	_, err := q.ExecContext(ctx, `
		UPDATE user
		SET second_factor = ?
		WHERE id = ?`, has, userID[:])
	return err
}

// authenticatorApp is the authenticator app of an account.
type authenticatorApp struct {
	ID uuid.UUID
	// Secret is sealed.
	Secret    []byte
	LastStep  int64
	CreatedAt time.Time
	Confirmed bool
}

// selectTOTP returns the authenticator app of a user.
func selectTOTP(ctx context.Context, q database.Queryer, userID uuid.UUID) (authenticatorApp, error) {
	return database.Get(ctx, q, func(row database.Scanner) (a authenticatorApp, err error) {
		err = row.Scan(&a.ID, &a.Secret, &a.LastStep, &a.CreatedAt, &a.Confirmed)
		return a, err
	}, `
		SELECT id, secret, last_step, created_at, confirmed_at IS NOT NULL
		FROM totp
		WHERE user_id = ?`, userID[:])
}

// isTOTPConfirmed reports whether a user has a confirmed authenticator app.
func isTOTPConfirmed(ctx context.Context, q database.Queryer, userID uuid.UUID) (bool, error) {
	n, err := database.Get(ctx, q, database.ScanColumn[int], `
		SELECT COUNT(*)
		FROM totp
		WHERE user_id = ? AND confirmed_at IS NOT NULL`, userID[:])
	return n > 0, err
}

// replaceTOTP stores an authenticator app that is not confirmed, in place of another such one. It
// deletes the row of that: ON DUPLICATE KEY UPDATE needs the right to read the secret.
func replaceTOTP(ctx context.Context, tx *database.Tx, userID uuid.UUID, a authenticatorApp) error {
	if err := deleteAnyTOTP(ctx, tx, userID); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO totp (user_id, id, secret, last_step, created_at)
		VALUES (?, ?, ?, 0, ?)`, userID[:], a.ID[:], a.Secret, a.CreatedAt)
	return err
}

// spendTOTPStep records that the code of a time step was used, and reports whether no code of
// it or of a later one was. Condition and change are one statement, so that of several uses of
// a code one succeeds.
func spendTOTPStep(ctx context.Context, q database.Queryer, userID uuid.UUID, step int64) (bool, error) {
	return database.Affected(q.ExecContext(ctx, `
		UPDATE totp
		SET last_step = ?
		WHERE user_id = ? AND last_step < ?`, step, userID[:], step))
}

func updateTOTPConfirmed(ctx context.Context, q database.Queryer, userID uuid.UUID, at time.Time) error {
	_, err := q.ExecContext(ctx, `
		UPDATE totp
		SET confirmed_at = ?
		WHERE user_id = ?`, at, userID[:])
	return err
}

// deleteTOTP deletes a confirmed authenticator app of a user, and reports whether it existed.
func deleteTOTP(ctx context.Context, q database.Queryer, userID, id uuid.UUID) (bool, error) {
	return database.Affected(q.ExecContext(ctx, `
		DELETE FROM totp
		WHERE user_id = ? AND id = ? AND confirmed_at IS NOT NULL`, userID[:], id[:]))
}

// deleteAnyTOTP deletes the authenticator app of a user.
func deleteAnyTOTP(ctx context.Context, q database.Queryer, userID uuid.UUID) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM totp
		WHERE user_id = ?`, userID[:])
	return err
}

// deleteTOTPSince deletes an authenticator app of a user that was confirmed since a time, and
// reports whether it existed.
func deleteTOTPSince(ctx context.Context, q database.Queryer, userID uuid.UUID, since time.Time) (bool, error) {
	return database.Affected(q.ExecContext(ctx, `
		DELETE FROM totp
		WHERE user_id = ? AND confirmed_at >= ?`, userID[:], since))
}

// deleteUnconfirmedTOTP deletes an authenticator app of a user that is not confirmed.
func deleteUnconfirmedTOTP(ctx context.Context, q database.Queryer, userID uuid.UUID) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM totp
		WHERE user_id = ? AND confirmed_at IS NULL`, userID[:])
	return err
}

func insertRecoveryCodes(ctx context.Context, q database.Queryer, userID uuid.UUID, codes []string, at time.Time) error {
	for _, code := range codes {
		hash := totp.HashRecoveryCode(code)
		_, err := q.ExecContext(ctx, `
			INSERT INTO recovery_code (user_id, code_hash, created_at)
			VALUES (?, ?, ?)`, userID[:], hash[:], at)
		if err != nil {
			return err
		}
	}
	return nil
}

// spendRecoveryCode marks a recovery code as used, and reports whether it was not used before.
func spendRecoveryCode(ctx context.Context, q database.Queryer, userID uuid.UUID, code string, now time.Time) (bool, error) {
	hash := totp.HashRecoveryCode(code)
	return database.Affected(q.ExecContext(ctx, `
		UPDATE recovery_code
		SET used_at = ?
		WHERE user_id = ? AND code_hash = ? AND used_at IS NULL`, now, userID[:], hash[:]))
}

// countRecoveryCodes returns the number of recovery codes of a user that were not used.
func countRecoveryCodes(ctx context.Context, q database.Queryer, userID uuid.UUID) (int, error) {
	return database.Get(ctx, q, database.ScanColumn[int], `
		SELECT COUNT(*)
		FROM recovery_code
		WHERE user_id = ? AND used_at IS NULL`, userID[:])
}

func deleteRecoveryCodes(ctx context.Context, q database.Queryer, userID uuid.UUID) error {
	_, err := q.ExecContext(ctx, `
		DELETE FROM recovery_code
		WHERE user_id = ?`, userID[:])
	return err
}

// deleteRecoveryCodesSince deletes the recovery codes of a user that were created since a time, and
// reports whether there were any.
func deleteRecoveryCodesSince(ctx context.Context, q database.Queryer, userID uuid.UUID, since time.Time) (bool, error) {
	return database.Affected(q.ExecContext(ctx, `
		DELETE FROM recovery_code
		WHERE user_id = ? AND created_at >= ?`, userID[:], since))
}

// selectFactors returns the factors of a user, oldest first.
func selectFactors(ctx context.Context, q database.Queryer, userID uuid.UUID) ([]Factor, error) {
	factors, err := database.Collect(ctx, q, scanFactor, `
		SELECT id, 'totp', '', confirmed_at, NULL
		FROM totp
		WHERE user_id = ? AND confirmed_at IS NOT NULL
		UNION ALL
		SELECT id, 'passkey', name, created_at, used_at
		FROM passkey
		WHERE user_id = ?`, userID[:], userID[:])
	slices.SortFunc(factors, func(a, b Factor) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return factors, err
}

func scanFactor(row database.Scanner) (f Factor, err error) {
	err = row.Scan(&f.ID, &f.Kind, &f.Name, &f.CreatedAt, &f.UsedAt)
	return f, err
}
