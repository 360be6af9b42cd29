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
	scope    hash
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

const rowColumns = `scope, payload, lease_until, effected_at IS NOT NULL, status, header, body, expires_at`

// lockRows reads and locks the rows of keys, by scope. It returns an error for which
// database.IsLocked is true when another transaction has locked one of them.
func lockRows(ctx context.Context, tx *database.Tx, scopes []hash) (map[hash]row, error) {
	rows := map[hash]row{}
	err := database.Each(ctx, tx, func(found database.Scanner) error {
		r, err := scanRow(found)
		rows[r.scope] = r
		return err
	}, `
		SELECT `+rowColumns+`
		FROM idempotency_key
		WHERE scope IN (`+database.Placeholders(len(scopes))+`)
		ORDER BY scope
		FOR UPDATE NOWAIT`, scopeArgs(scopes)...)
	if err != nil {
		return nil, fmt.Errorf("read idempotency keys: %w", err)
	}
	return rows, nil
}

func scopeArgs(scopes []hash) []any {
	args := make([]any, len(scopes))
	for i := range scopes {
		args[i] = scopes[i][:]
	}
	return args
}

// selectRow reads the row of a key. It returns nil if there is no row.
func selectRow(ctx context.Context, q database.Queryer, scope hash) (*row, error) {
	r, err := database.Get(ctx, q, scanRow, `
		SELECT `+rowColumns+`
		FROM idempotency_key
		WHERE scope = ?`, scope[:])
	if errors.Is(err, database.ErrNotFound) {
		return nil, nil //nolint:nilnil // no row is a common case
	}
	if err != nil {
		return nil, fmt.Errorf("read an idempotency key: %w", err)
	}
	return &r, nil
}

func scanRow(found database.Scanner) (r row, err error) {
	var scope, payload, header, body []byte
	var status sql.NullInt64
	err = found.Scan(&scope, &payload, &r.legacyLease, &r.effected, &status, &header, &body, &r.expiresAt)
	if err != nil {
		return row{}, err
	}
	copy(r.scope[:], scope)
	copy(r.payload[:], payload)
	if status.Valid {
		r.response = &Response{Status: int(status.Int64), Body: body}
		if err := json.Unmarshal(header, &r.response.Header); err != nil {
			return row{}, fmt.Errorf("decode the header of the response: %w", err)
		}
	}
	return r, nil
}

// insertRows inserts the rows of requests' keys. It reports whether it did: another
// transaction may have inserted one of them since the locking read.
func insertRows(ctx context.Context, tx *database.Tx, requests []*Request, expiresAt time.Time) (inserted bool, err error) {
	bound, cancel := context.WithTimeoutCause(ctx, maxInsert, errInFlight)
	defer cancel()
	rows := make([][]any, len(requests))
	for i, r := range requests {
		rows[i] = []any{r.scope[:], r.caller[:], r.payload[:], expiresAt}
	}
	err = database.InsertRows(bound, tx, "idempotency_key (scope, caller, payload, expires_at)", "", rows)
	switch {
	case database.IsDuplicate(err):
		return false, nil
	case err != nil && errors.Is(context.Cause(bound), errInFlight):
		return false, errInFlight
	case err != nil:
		return false, fmt.Errorf("claim idempotency keys: %w", err)
	}
	return true, nil
}

// deleteRows deletes rows that the transaction has locked or inserted.
func deleteRows(ctx context.Context, tx *database.Tx, scopes []hash) error {
	if len(scopes) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		DELETE FROM idempotency_key
		WHERE scope IN (`+database.Placeholders(len(scopes))+`)`, scopeArgs(scopes)...)
	if err != nil {
		return fmt.Errorf("delete idempotency keys: %w", err)
	}
	return nil
}

// updateResponses stores responses in the rows that the transaction has inserted. The insert
// finds all rows, and updates them with one statement.
func updateResponses(ctx context.Context, tx *database.Tx, requests []*Request, responses []Response, expiresAt time.Time) error {
	rows := make([][]any, len(requests))
	for i, r := range requests {
		header, err := json.Marshal(responses[i].Header)
		if err != nil {
			return fmt.Errorf("marshal the header of a response: %w", err)
		}
		rows[i] = []any{r.scope[:], r.caller[:], r.payload[:], expiresAt, responses[i].Status, header, responses[i].Body}
	}
	err := database.InsertRows(ctx, tx, "idempotency_key (scope, caller, payload, expires_at, status, header, body)", `
		ON DUPLICATE KEY UPDATE status = VALUES(status), header = VALUES(header), body = VALUES(body)`, rows)
	if err != nil {
		return fmt.Errorf("store the responses of idempotency keys: %w", err)
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
