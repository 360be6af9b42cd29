package revocation

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
)

// entry is a row of the table: it invalidates the tokens of a user or session with a rights
// version below minVersion.
type entry struct {
	subject    uuid.UUID
	minVersion int64
	storedAt   time.Time
}

func upsert(ctx context.Context, tx *database.Tx, e entry) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO access_revocation (subject, min_rights_version, stored_at)
		VALUES (?, ?, ?)
		ON DUPLICATE KEY UPDATE min_rights_version = GREATEST(min_rights_version, ?), stored_at = ?`,
		e.subject[:], e.minVersion, e.storedAt, e.minVersion, e.storedAt)
	if err != nil {
		return fmt.Errorf("store the revocation of %s: %w", e.subject, err)
	}
	return nil
}

// selectSince returns up to limit rows that were stored at a time or later.
func selectSince(ctx context.Context, q database.Queryer, since time.Time, limit int) ([]entry, error) {
	entries, err := database.Collect(ctx, q, scanEntry, `
		SELECT subject, min_rights_version, stored_at
		FROM access_revocation FORCE INDEX (access_revocation_by_time)
		WHERE stored_at >= ?
		LIMIT ?`, since, limit)
	if err != nil {
		return nil, fmt.Errorf("read the revocations: %w", err)
	}
	return entries, nil
}

func scanEntry(row database.Scanner) (e entry, err error) {
	err = row.Scan(&e.subject, &e.minVersion, &e.storedAt)
	return e, err
}

// selectRevoked reports whether a row revokes the tokens of a principal.
func selectRevoked(ctx context.Context, q database.Queryer, p auth.Principal) (revoked bool, err error) {
	revoked, err = database.Get(ctx, q, database.ScanColumn[bool], `
		SELECT EXISTS (
			SELECT 1 FROM access_revocation
			WHERE subject IN (?, ?) AND min_rights_version > ?)`,
		p.UserID[:], p.SessionID[:], p.RightsVersion)
	if err != nil {
		return false, fmt.Errorf("read the revocations of user %s: %w", p.UserID, err)
	}
	return revoked, nil
}

const pruneRevocations = `DELETE FROM access_revocation WHERE stored_at < ? ORDER BY stored_at LIMIT ?`
