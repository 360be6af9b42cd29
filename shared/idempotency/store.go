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

// insertRow returns false when the key has a row already. It runs in InTx for the
// sake of the retries: many at once on one key can deadlock.
func insertRow(ctx context.Context, db *database.DB, r row) (inserted bool, err error) {
	err = db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO idempotency_key (scope, caller, payload, claim, lease_until, expires_at)
			VALUES (?, ?, ?, ?, ?, ?)`,
			r.scope[:], r.caller[:], r.payload[:], r.claim[:], r.leaseUntil, r.expiresAt)
		inserted = err == nil
		if database.IsDuplicate(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("claim an idempotency key: %w", err)
	}
	return inserted, nil
}

func selectRow(ctx context.Context, q database.Queryer, scope hash) (r row, found bool, err error) {
	var payload, header, body []byte
	var effectedAt sql.NullTime
	var status sql.NullInt64
	err = q.QueryRowContext(ctx, `
		SELECT payload, claim, lease_until, effected_at, status, header, body, expires_at
		FROM idempotency_key WHERE scope = ?`, scope[:]).
		Scan(&payload, &r.claim, &r.leaseUntil, &effectedAt, &status, &header, &body, &r.expiresAt)
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, false, nil
	}
	if err != nil {
		return row{}, false, fmt.Errorf("read an idempotency key: %w", err)
	}
	r.scope, r.effected = scope, effectedAt.Valid
	copy(r.payload[:], payload)
	if status.Valid {
		r.answer = &answer{status: int(status.Int64), body: body}
		if err := json.Unmarshal(header, &r.answer.header); err != nil {
			return row{}, false, fmt.Errorf("read an idempotency key's answer: %w", err)
		}
	}
	return r, true, nil
}

// takeRow makes a row that is out of date, or whose attempt died, that of a new
// attempt. It returns false when the row is no longer as it was seen.
func takeRow(ctx context.Context, db *database.DB, seen, mine row, now time.Time) (taken bool, err error) {
	err = db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		taken, err = oneRow(tx.ExecContext(ctx, `
			UPDATE idempotency_key
			SET caller = ?, payload = ?, claim = ?, lease_until = ?, expires_at = ?,
			    effected_at = NULL, status = NULL, header = NULL, body = NULL
			WHERE scope = ? AND claim = ? AND (expires_at <= ? OR effected_at IS NULL AND status IS NULL)`,
			mine.caller[:], mine.payload[:], mine.claim[:], mine.leaseUntil, mine.expiresAt, seen.scope[:], seen.claim[:], now))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take over an idempotency key: %w", err)
	}
	return taken, nil
}

// markEffected returns false when the key is no longer the claim's.
func markEffected(ctx context.Context, q database.Queryer, scope hash, claim uuid.UUID, now time.Time) (bool, error) {
	mine, err := oneRow(q.ExecContext(ctx, `
		UPDATE idempotency_key SET effected_at = ?
		WHERE scope = ? AND claim = ? AND status IS NULL`, now, scope[:], claim[:]))
	if err != nil {
		return false, fmt.Errorf("mark an idempotency key: %w", err)
	}
	return mine, nil
}

// updateAnswer returns false when the key is no longer the claim's.
func updateAnswer(ctx context.Context, db *database.DB, scope hash, claim uuid.UUID, answered answer, expiresAt time.Time) (mine bool, err error) {
	header, err := json.Marshal(answered.header)
	if err != nil {
		return false, fmt.Errorf("marshal the answer's header: %w", err)
	}
	err = db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		mine, err = oneRow(tx.ExecContext(ctx, `
			UPDATE idempotency_key SET status = ?, header = ?, body = ?, expires_at = ?
			WHERE scope = ? AND claim = ?`, answered.status, header, answered.body, expiresAt, scope[:], claim[:]))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("keep the answer of an idempotency key: %w", err)
	}
	return mine, nil
}

// deleteOrEnd frees the key of a claim without effect, and ends the lease of one
// with.
func deleteOrEnd(ctx context.Context, db *database.DB, scope hash, claim uuid.UUID, now time.Time) error {
	err := db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		freed, err := oneRow(tx.ExecContext(ctx, `
			DELETE FROM idempotency_key
			WHERE scope = ? AND claim = ? AND effected_at IS NULL AND status IS NULL`, scope[:], claim[:]))
		if err != nil || freed {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE idempotency_key SET lease_until = ?
			WHERE scope = ? AND claim = ?`, now, scope[:], claim[:])
		return err
	})
	if err != nil {
		return fmt.Errorf("free an idempotency key: %w", err)
	}
	return nil
}

// Forget deletes the keys that a caller sent, and with them the answers kept. An
// attempt under way can have no effect any more, and what one answers that had its
// effect already is not kept.
func Forget(ctx context.Context, tx *database.Tx, caller uuid.UUID) error {
	_, err := tx.ExecContext(ctx, `
		DELETE FROM idempotency_key
		WHERE caller = ?`, caller[:])
	if err != nil {
		return fmt.Errorf("forget the idempotency keys of caller %s: %w", caller, err)
	}
	return nil
}

const deleteExpired = `DELETE FROM idempotency_key WHERE expires_at < ? ORDER BY expires_at LIMIT ?`

// oneRow says whether a statement met its row.
func oneRow(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}
