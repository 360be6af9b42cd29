package user

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/apikey"
	"souk/shared/database"
)

const keyColumns = `id, name, scopes, networks, rate_per_minute, hint, previous_until, expires_at, created_by, last_used_at, rotated_at,
	version, created_at, updated_at`

func scanKey(row database.Scanner) (k Key, err error) {
	var scopes, networks []byte
	var createdBy uuid.NullUUID
	err = row.Scan(&k.ID, &k.Name, &scopes, &networks, &k.RatePerMinute, &k.Hint, &k.PreviousSecretUntil, &k.ExpiresAt, &createdBy, &k.LastUsedAt,
		&k.RotatedAt, &k.Version, &k.CreatedAt, &k.UpdatedAt)
	if err != nil {
		return k, err
	}
	if createdBy.Valid {
		k.CreatedBy = &createdBy.UUID
	}
	if err := json.Unmarshal(scopes, &k.Scopes); err != nil {
		return k, fmt.Errorf("decode the scopes of key %s: %w", k.ID, err)
	}
	if err := json.Unmarshal(networks, &k.Networks); err != nil {
		return k, fmt.Errorf("decode the networks of key %s: %w", k.ID, err)
	}
	return k, nil
}

func selectKey(ctx context.Context, q database.Queryer, id uuid.UUID) (Key, error) {
	return database.Get(ctx, q, scanKey, `
		SELECT `+keyColumns+`
		FROM api_key
		WHERE id = ?`, id[:])
}

// lockKey returns a key and locks it until the transaction ends.
func lockKey(ctx context.Context, tx *database.Tx, id uuid.UUID) (Key, error) {
	return database.Get(ctx, tx, scanKey, `
		SELECT `+keyColumns+`
		FROM api_key
		WHERE id = ?
		FOR UPDATE`, id[:])
}

// lockKeysSince returns the keys that have got a secret since a time, and locks them until the
// transaction ends.
func lockKeysSince(ctx context.Context, tx *database.Tx, since time.Time) ([]Key, error) {
	return database.Collect(ctx, tx, scanKey, `
		SELECT `+keyColumns+`
		FROM api_key
		WHERE rotated_at >= ?
		ORDER BY id
		LIMIT ?
		FOR UPDATE`, since, apikey.MaxKeys)
}

// selectKeys returns keys with lower ids, which are older, newest first.
func selectKeys(ctx context.Context, q database.Queryer, before uuid.UUID, limit int) ([]Key, error) {
	return database.Collect(ctx, q, scanKey, `
		SELECT `+keyColumns+`
		FROM api_key
		WHERE id < ?
		ORDER BY id DESC
		LIMIT ?`, before[:], limit)
}

// lockAndCountKeys returns the number of keys, up to apikey.MaxKeys. Until the transaction ends, no
// other key is created.
func lockAndCountKeys(ctx context.Context, tx *database.Tx) (int, error) {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO api_key_lock (id)
		VALUES (1)
		ON DUPLICATE KEY UPDATE id = id`)
	if err != nil {
		return 0, err
	}
	ids, err := database.Collect(ctx, tx, database.ScanColumn[uuid.UUID], `
		SELECT id
		FROM api_key
		WHERE id > ?
		ORDER BY id
		LIMIT ?`, uuid.Nil[:], apikey.MaxKeys)
	return len(ids), err
}

func insertKey(ctx context.Context, tx *database.Tx, k Key) error {
	scopes, networks, err := k.encode()
	if err != nil {
		return err
	}
	var createdBy any
	if k.CreatedBy != nil {
		createdBy = k.CreatedBy[:]
	}
	return database.InsertRows(ctx, tx, "api_key ("+keyColumns+")", "", [][]any{{
		k.ID[:], k.Name, scopes, networks, k.RatePerMinute, k.Hint, k.PreviousSecretUntil, k.ExpiresAt, createdBy, k.LastUsedAt, k.RotatedAt,
		k.Version, k.CreatedAt, k.UpdatedAt,
	}})
}

// encode returns the lists of the key as they are stored.
func (k *Key) encode() (scopes, networks []byte, err error) {
	if scopes, err = json.Marshal(k.Scopes); err != nil {
		return nil, nil, fmt.Errorf("marshal the scopes of key %s: %w", k.ID, err)
	}
	if networks, err = json.Marshal(k.Networks); err != nil {
		return nil, nil, fmt.Errorf("marshal the networks of key %s: %w", k.ID, err)
	}
	return scopes, networks, nil
}

// updateKeyRow stores the fields of a locked key that can change.
func updateKeyRow(ctx context.Context, tx *database.Tx, k Key) error {
	_, networks, err := k.encode()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE api_key
		SET name = ?, networks = ?, rate_per_minute = ?, hint = ?, previous_until = ?, rotated_at = ?, version = ?, updated_at = ?
		WHERE id = ?`,
		k.Name, networks, k.RatePerMinute, k.Hint, k.PreviousSecretUntil, k.RotatedAt, k.Version, k.UpdatedAt, k.ID[:])
	return err
}

func deleteKeyRow(ctx context.Context, tx *database.Tx, id uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM api_key
		WHERE id = ?`, id[:])
	return err
}

// updateLastUse stores the last use of a key that still exists, if it is later than the stored one.
func updateLastUse(ctx context.Context, tx *database.Tx, use apikey.Use) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE api_key
		SET last_used_at = GREATEST(COALESCE(last_used_at, ?), ?)
		WHERE id = ?`, use.UsedAt, use.UsedAt, use.KeyID[:])
	return err
}

// dropKeyCreator removes a deleted account from the keys that it created. They remain: they belong
// to the shop.
func dropKeyCreator(ctx context.Context, tx *database.Tx, userID uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE api_key
		SET created_by = NULL
		WHERE created_by = ?`, userID[:])
	return err
}
