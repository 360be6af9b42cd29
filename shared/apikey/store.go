package apikey

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// upsertKey stores the state of a key, unless one with the same or a later version is stored. The
// version is assigned last: the server assigns in this order, and the others compare with it.
func upsertKey(ctx context.Context, tx *database.Tx, c Changed, now time.Time) error {
	grant := []byte{}
	if !c.Revoked {
		var err error
		if grant, err = json.Marshal(c.Grant); err != nil {
			return fmt.Errorf("marshal key %s: %w", c.KeyID, err)
		}
	}
	err := database.InsertRows(ctx, tx, "api_key_replica (key_id, version, revoked, secret_grant, stored_at)", `
		ON DUPLICATE KEY UPDATE
			revoked = IF(VALUES(version) > version, VALUES(revoked), revoked),
			secret_grant = IF(VALUES(version) > version, VALUES(secret_grant), secret_grant),
			stored_at = IF(VALUES(version) > version, VALUES(stored_at), stored_at),
			version = GREATEST(version, VALUES(version))`,
		[][]any{{c.KeyID[:], c.Version, c.Revoked, grant, now}})
	if err != nil {
		return fmt.Errorf("store key %s: %w", c.KeyID, err)
	}
	return nil
}

// selectKeys returns up to limit keys that are not revoked, oldest first. It leaves out keys that this
// program cannot decode, which must not make it refuse the others.
func selectKeys(ctx context.Context, q database.Queryer, limit int) (entries []entry, err error) {
	err = database.Each(ctx, q, func(row database.Scanner) error {
		var id uuid.UUID
		var text []byte
		if err := row.Scan(&id, &text); err != nil {
			return err
		}
		grant, err := decodeGrant(id, text)
		if err == nil {
			var e entry
			if e, err = grant.entry(id); err == nil {
				entries = append(entries, e)
			}
		}
		if err != nil {
			slog.ErrorContext(ctx, "cannot decode an API key", "key", id, "error", err)
		}
		return nil
	}, `
		SELECT key_id, secret_grant
		FROM api_key_replica FORCE INDEX (api_key_replica_by_state)
		WHERE revoked = FALSE
		ORDER BY stored_at
		LIMIT ?`, limit)
	if err != nil {
		return nil, fmt.Errorf("read the API keys: %w", err)
	}
	return entries, nil
}

func decodeGrant(id uuid.UUID, text []byte) (grant Grant, err error) {
	if err := json.Unmarshal(text, &grant); err != nil {
		return grant, fmt.Errorf("decode key %s: %w", id, err)
	}
	return grant, nil
}

// SelectGrant returns what a key allows, by the copy in the database. The error is
// database.ErrNotFound if the key does not exist or is revoked.
func SelectGrant(ctx context.Context, q database.Queryer, id uuid.UUID) (grant Grant, err error) {
	text, err := database.Get(ctx, q, database.ScanColumn[[]byte], `
		SELECT secret_grant
		FROM api_key_replica
		WHERE key_id = ? AND revoked = FALSE`, id[:])
	if err != nil {
		return grant, fmt.Errorf("read key %s: %w", id, err)
	}
	return decodeGrant(id, text)
}

// pruneRevoked is a statement for database.Prune.
const pruneRevoked = `DELETE FROM api_key_replica WHERE revoked = TRUE AND stored_at < ? ORDER BY stored_at LIMIT ?`

// lockUse records that a key is used, and returns when its bucket of requests is full. It locks the
// row until tx ends. A bucket without a row is full.
func lockUse(ctx context.Context, tx *database.Tx, id uuid.UUID, now time.Time) (fullAt time.Time, err error) {
	err = database.InsertRows(ctx, tx, "api_key_use (key_id, full_at, used_at, reported)", `
		ON DUPLICATE KEY UPDATE
			reported = reported AND VALUES(used_at) <= used_at,
			used_at = GREATEST(used_at, VALUES(used_at))`,
		[][]any{{id[:], now, hourOf(now), false}})
	if err != nil {
		return fullAt, err
	}
	return database.Get(ctx, tx, database.ScanColumn[time.Time], `
		SELECT full_at
		FROM api_key_use
		WHERE key_id = ?
		FOR UPDATE`, id[:])
}

func updateBucket(ctx context.Context, tx *database.Tx, id uuid.UUID, fullAt time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE api_key_use
		SET full_at = ?
		WHERE key_id = ?`, fullAt, id[:])
	return err
}

// selectUnreported returns up to limit uses that were not published.
func selectUnreported(ctx context.Context, q database.Queryer, limit int) ([]Use, error) {
	return database.Collect(ctx, q, func(row database.Scanner) (u Use, err error) {
		err = row.Scan(&u.KeyID, &u.UsedAt)
		return u, err
	}, `
		SELECT key_id, used_at
		FROM api_key_use
		WHERE reported = FALSE
		ORDER BY key_id
		LIMIT ?`, limit)
}

// markReported marks a use as published, unless the key was used in a later hour meanwhile. It
// reports whether it did.
func markReported(ctx context.Context, tx *database.Tx, u Use) (bool, error) {
	return database.Affected(tx.ExecContext(ctx, `
		UPDATE api_key_use
		SET reported = TRUE
		WHERE key_id = ? AND used_at = ? AND reported = FALSE`, u.KeyID[:], u.UsedAt))
}

// pruneUses is a statement for database.Prune.
const pruneUses = `DELETE FROM api_key_use WHERE used_at < ? ORDER BY used_at LIMIT ?`
