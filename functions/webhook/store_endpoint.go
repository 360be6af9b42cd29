package webhook

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

const endpointColumns = `id, url, event_types, description, status, disabled_reason, failing_since, previous_until, version, created_at, updated_at`

func scanEndpoint(row database.Scanner) (e Endpoint, err error) {
	var types string
	var failingSince, previousUntil sql.NullTime
	err = row.Scan(&e.ID, &e.URL, &types, &e.Description, &e.Status, &e.DisabledReason, &failingSince, &previousUntil, &e.Version, &e.CreatedAt, &e.UpdatedAt)
	e.EventTypes = decodeTypes(types)
	if failingSince.Valid {
		e.FailingSince = &failingSince.Time
	}
	if previousUntil.Valid {
		e.PreviousSecretUntil = &previousUntil.Time
	}
	return e, err
}

func selectEndpoint(ctx context.Context, q database.Queryer, id uuid.UUID) (Endpoint, error) {
	return database.Get(ctx, q, scanEndpoint, `SELECT `+endpointColumns+` FROM endpoint WHERE id = ?`, id[:])
}

// lockEndpoint returns an endpoint and locks it until the transaction ends.
func lockEndpoint(ctx context.Context, tx *database.Tx, id uuid.UUID) (Endpoint, error) {
	return database.Get(ctx, tx, scanEndpoint, `SELECT `+endpointColumns+` FROM endpoint WHERE id = ? FOR UPDATE`, id[:])
}

// selectEndpoints returns endpoints with lower ids, which are older, newest first.
func selectEndpoints(ctx context.Context, q database.Queryer, before uuid.UUID, limit int) ([]Endpoint, error) {
	return database.Collect(ctx, q, scanEndpoint, `
		SELECT `+endpointColumns+`
		FROM endpoint
		WHERE id < ?
		ORDER BY id DESC
		LIMIT ?`, before[:], limit)
}

// countEndpoints returns the number of endpoints, at most maxEndpoints, and locks them until the
// transaction ends, so that requests that create one are served one after the other.
func countEndpoints(ctx context.Context, tx *database.Tx) (int, error) {
	ids, err := database.Collect(ctx, tx, database.ScanColumn[uuid.UUID], `
		SELECT id
		FROM endpoint
		WHERE id > ?
		ORDER BY id
		LIMIT ?
		FOR UPDATE`, uuid.Nil[:], maxEndpoints)
	if err != nil {
		return 0, fmt.Errorf("count the endpoints: %w", err)
	}
	return len(ids), nil
}

func insertEndpoint(ctx context.Context, tx *database.Tx, e *Endpoint, sealedKey []byte) error {
	return database.InsertRows(ctx, tx, `endpoint (id, url, description, event_types, status, disabled_reason, sealed_key, version, failures,
		subscribed_at, created_at, updated_at)`, "", [][]any{{
		e.ID[:], e.URL, e.Description, encodeTypes(e.EventTypes), e.Status, e.DisabledReason, sealedKey, e.Version, 0,
		e.CreatedAt, e.CreatedAt, e.UpdatedAt,
	}})
}

// updateEndpoint stores the fields of a locked endpoint. What depends on its attempts begins anew:
// it is attempted at once. A non-zero time is that from which on it is subscribed to its types.
func updateEndpoint(ctx context.Context, tx *database.Tx, e *Endpoint, subscribedAt time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE endpoint
		SET url = ?, description = ?, event_types = ?, status = ?, disabled_reason = ?, failures = 0, failing_since = NULL, next_at = ?, paused_until = NULL,
			subscribed_at = COALESCE(?, subscribed_at), version = ?, updated_at = ?
		WHERE id = ?`, e.URL, e.Description, encodeTypes(e.EventTypes), e.Status, e.DisabledReason, e.UpdatedAt,
		nullTime(subscribedAt), e.Version, e.UpdatedAt, e.ID[:])
	return err
}

// rotateKey replaces the key of a locked endpoint. The one before signs until a time, too.
func rotateKey(ctx context.Context, tx *database.Tx, e *Endpoint, sealedKey []byte) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE endpoint
		SET sealed_previous = sealed_key, previous_until = ?, sealed_key = ?, version = ?, updated_at = ?
		WHERE id = ?`, *e.PreviousSecretUntil, sealedKey, e.Version, e.UpdatedAt, e.ID[:])
	return err
}

func deleteEndpoint(ctx context.Context, tx *database.Tx, id uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM endpoint WHERE id = ?`, id[:])
	return err
}

func nullTime(t time.Time) sql.NullTime { return sql.NullTime{Time: t, Valid: !t.IsZero()} }
