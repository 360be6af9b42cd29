package idempotency

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// row is the row of a key.
type row struct {
	payload  hash
	response *Response
	// legacyLease is set in a row of the version before ADR 0023 without a response:
	// until then its attempt may be in progress.
	legacyLease time.Time
	effected    bool // legacy: the attempt took effect and failed before it stored its response
	expiresAt   time.Time
}

// replaceable reports whether a new attempt may replace the row.
func (r row) replaceable(now time.Time) bool {
	if !now.Before(r.expiresAt) {
		return true
	}
	return r.response == nil && !r.effected && !now.Before(r.legacyLease)
}

// outcome returns the stored response to a request with that payload.
func (r row) outcome(payload hash) (*Response, error) {
	switch {
	case payload != r.payload:
		return nil, errReused
	case r.response == nil:
		return nil, errInFlight
	default:
		return r.response, nil
	}
}

const rowColumns = `payload, lease_until, effected_at IS NOT NULL, status, header, body, expires_at`

// lockRow reads and locks the row of a key. It returns nil if there is no row, and an
// error for which database.IsLocked is true when another transaction has locked it.
func lockRow(ctx context.Context, tx *database.Tx, scope hash) (*row, error) {
	return getRow(ctx, tx, `
		SELECT `+rowColumns+`
		FROM idempotency_key
		WHERE scope = ?
		FOR UPDATE NOWAIT`, scope)
}

// selectRow reads the row of a key. It returns nil if there is no row.
func selectRow(ctx context.Context, q database.Queryer, scope hash) (*row, error) {
	return getRow(ctx, q, `
		SELECT `+rowColumns+`
		FROM idempotency_key
		WHERE scope = ?`, scope)
}

func getRow(ctx context.Context, q database.Queryer, query string, scope hash) (*row, error) {
	r, err := database.Get(ctx, q, scanRow, query, scope[:])
	if errors.Is(err, database.ErrNotFound) {
		return nil, nil //nolint:nilnil // no row is a common case
	}
	if err != nil {
		return nil, fmt.Errorf("read an idempotency key: %w", err)
	}
	return &r, nil
}

func scanRow(found database.Scanner) (r row, err error) {
	var payload, header, body []byte
	var status sql.NullInt64
	err = found.Scan(&payload, &r.legacyLease, &r.effected, &status, &header, &body, &r.expiresAt)
	if err != nil {
		return row{}, err
	}
	copy(r.payload[:], payload)
	if status.Valid {
		r.response = &Response{Status: int(status.Int64), Body: body}
		if err := json.Unmarshal(header, &r.response.Header); err != nil {
			return row{}, fmt.Errorf("decode the header of the response: %w", err)
		}
	}
	return r, nil
}

// insertRow inserts the row of a request's key. It reports whether it did: another
// transaction may have inserted the row since the locking read.
func insertRow(ctx context.Context, tx *database.Tx, r *Request, expiresAt time.Time) (inserted bool, err error) {
	bound, cancel := context.WithTimeoutCause(ctx, maxInsert, errInFlight)
	defer cancel()
	_, err = tx.ExecContext(bound, `
		INSERT INTO idempotency_key (scope, caller, payload, expires_at)
		VALUES (?, ?, ?, ?)`, r.scope[:], r.caller[:], r.payload[:], expiresAt)
	switch {
	case database.IsDuplicate(err):
		return false, nil
	case err != nil && errors.Is(context.Cause(bound), errInFlight):
		return false, errInFlight
	case err != nil:
		return false, fmt.Errorf("claim an idempotency key: %w", err)
	}
	return true, nil
}

// deleteRow deletes a replaceable row that the transaction has locked.
func deleteRow(ctx context.Context, tx *database.Tx, scope hash) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM idempotency_key WHERE scope = ?`, scope[:]); err != nil {
		return fmt.Errorf("replace an idempotency key: %w", err)
	}
	return nil
}

// updateResponse stores the response in the row that the transaction has inserted.
func updateResponse(ctx context.Context, tx *database.Tx, scope hash, response Response) error {
	header, err := json.Marshal(response.Header)
	if err != nil {
		return fmt.Errorf("marshal the header of a response: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE idempotency_key SET status = ?, header = ?, body = ?
		WHERE scope = ?`, response.Status, header, response.Body, scope[:])
	if err != nil {
		return fmt.Errorf("store the response of an idempotency key: %w", err)
	}
	return nil
}

// DeleteKeys deletes a caller's keys and their responses. It waits for an attempt in
// progress and deletes its key too.
func DeleteKeys(ctx context.Context, tx *database.Tx, caller uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM idempotency_key
		WHERE caller = ?`, caller[:])
	if err != nil {
		return fmt.Errorf("delete the idempotency keys of caller %s: %w", caller, err)
	}
	return nil
}

// countKeys counts the unexpired keys of a caller, up to MaxPerCaller + 1.
func countKeys(ctx context.Context, q database.Queryer, caller uuid.UUID, now time.Time) (n int, err error) {
	n, err = database.Get(ctx, q, database.ScanColumn[int], `
		SELECT COUNT(*)
		FROM (
			SELECT 1
			FROM idempotency_key
			WHERE caller = ? AND expires_at > ?
			LIMIT ?
		) counted`, caller[:], now, MaxPerCaller+1)
	if err != nil {
		return 0, fmt.Errorf("count the idempotency keys of caller %s: %w", caller, err)
	}
	return n, nil
}

const pruneKeys = `DELETE FROM idempotency_key WHERE expires_at < ? ORDER BY expires_at LIMIT ?`
