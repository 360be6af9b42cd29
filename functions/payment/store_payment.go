package payment

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

const paymentColumns = `order_id, user_id, provider, provider_payment_id, provider_version, state, version,
	amount, currency, capture_mode, captured, refunded, capture_cause, cancel_cause, cancel_source,
	failure, declines, page_url, needs_read, claim_id, claimed_until, next_at, authorized_at, expires_at,
	reported_at, confirmed_at, match_at, created_at, updated_at`

func (p *payment) values() []any {
	return []any{
		p.orderID[:], p.userID[:], p.provider, nullText(p.providerID), p.providerVersion, p.state, p.version,
		p.amount.Amount, p.amount.Currency, p.mode, p.captured, p.refunded, nullID(p.captureCause), nullID(p.cancelCause), p.cancelSource,
		p.failure, p.declines, p.pageURL, p.needsRead, nullID(p.claimID), nullTime(p.claimedUntil), nullTime(p.nextAt),
		nullTime(p.authorizedAt), nullTime(p.expiresAt), nullTime(p.reportedAt), nullTime(p.confirmedAt), nullTime(p.matchAt),
		p.createdAt, p.updatedAt,
	}
}

func scanPayment(row database.Scanner) (p payment, err error) {
	var providerID sql.NullString
	var captureCause, cancelCause, claimID uuid.NullUUID
	var claimedUntil, nextAt, authorizedAt, expiresAt, reportedAt, confirmedAt, matchAt sql.NullTime
	err = row.Scan(&p.orderID, &p.userID, &p.provider, &providerID, &p.providerVersion, &p.state, &p.version,
		&p.amount.Amount, &p.amount.Currency, &p.mode, &p.captured, &p.refunded, &captureCause, &cancelCause, &p.cancelSource,
		&p.failure, &p.declines, &p.pageURL, &p.needsRead, &claimID, &claimedUntil, &nextAt, &authorizedAt, &expiresAt,
		&reportedAt, &confirmedAt, &matchAt, &p.createdAt, &p.updatedAt)
	p.providerID, p.captureCause, p.cancelCause, p.claimID = providerID.String, captureCause.UUID, cancelCause.UUID, claimID.UUID
	p.claimedUntil, p.nextAt, p.authorizedAt, p.expiresAt = claimedUntil.Time, nextAt.Time, authorizedAt.Time, expiresAt.Time
	p.reportedAt, p.confirmedAt, p.matchAt = reportedAt.Time, confirmedAt.Time, matchAt.Time
	return p, err
}

func nullID(id uuid.UUID) []byte {
	if id == uuid.Nil {
		return nil
	}
	return id[:]
}

func nullText(text string) sql.NullString { return sql.NullString{String: text, Valid: text != ""} }

func nullTime(at time.Time) sql.NullTime { return sql.NullTime{Time: at, Valid: !at.IsZero()} }

// insertPayment inserts a payment unless the order has one. It reports whether it did. The owner of
// the order's copy, if there is one, becomes that of the payment: the event that it is created for is
// older than the event by which the owner has changed or was deleted, if that was delivered first.
func insertPayment(ctx context.Context, tx *database.Tx, p *payment) (bool, error) {
	inserted, err := database.InsertMissing([]uuid.UUID{p.orderID}, func([]uuid.UUID) error {
		return database.InsertRows(ctx, tx, "payment ("+paymentColumns+")", "", [][]any{p.values()})
	}, nil)
	if err != nil {
		return false, fmt.Errorf("insert the payment of order %s: %w", p.orderID, err)
	}
	if !inserted[p.orderID] {
		return false, nil
	}
	// It is read after the payment was inserted, and locked: a transaction that changes the owner
	// before has committed, and one that changes it later finds the payment.
	owner, err := lockOwner(ctx, tx, p.orderID)
	if errors.Is(err, database.ErrNotFound) {
		owner, err = p.userID, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the owner of order %s: %w", p.orderID, err)
	}
	deleted, err := lockDeleted(ctx, tx, owner)
	if err != nil {
		return false, err
	}
	if deleted {
		owner = anonymousUser
	}
	if owner == p.userID {
		return true, nil
	}
	p.userID = owner
	return true, updatePayment(ctx, tx, p)
}

func selectPayment(ctx context.Context, q database.Queryer, orderID uuid.UUID) (payment, error) {
	return database.Get(ctx, q, scanPayment, `
		SELECT `+paymentColumns+`
		FROM payment
		WHERE order_id = ?`, orderID[:])
}

// lockPayment returns a payment and locks it until the transaction ends.
func lockPayment(ctx context.Context, tx *database.Tx, orderID uuid.UUID) (payment, error) {
	return database.Get(ctx, tx, scanPayment, `
		SELECT `+paymentColumns+`
		FROM payment
		WHERE order_id = ?
		FOR UPDATE`, orderID[:])
}

// selectOrderID returns the id of the order of a provider's payment.
func selectOrderID(ctx context.Context, q database.Queryer, name, providerID string) (uuid.UUID, error) {
	return database.Get(ctx, q, database.ScanColumn[uuid.UUID], `
		SELECT order_id
		FROM payment
		WHERE provider = ? AND provider_payment_id = ?`, name, providerID)
}

// updatePayment stores a locked payment.
func updatePayment(ctx context.Context, tx *database.Tx, p *payment) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE payment
		SET user_id = ?, provider_payment_id = ?, provider_version = ?, state = ?, version = ?, captured = ?, refunded = ?,
			capture_cause = ?, cancel_cause = ?, cancel_source = ?, failure = ?, declines = ?, page_url = ?, needs_read = ?,
			claim_id = ?, claimed_until = ?, next_at = ?, authorized_at = ?, expires_at = ?,
			reported_at = ?, match_at = ?, updated_at = ?
		WHERE order_id = ?`,
		p.userID[:], nullText(p.providerID), p.providerVersion, p.state, p.version, p.captured, p.refunded,
		nullID(p.captureCause), nullID(p.cancelCause), p.cancelSource, p.failure, p.declines, p.pageURL, p.needsRead,
		nullID(p.claimID), nullTime(p.claimedUntil), nullTime(p.nextAt), nullTime(p.authorizedAt), nullTime(p.expiresAt),
		nullTime(p.reportedAt), nullTime(p.matchAt), p.updatedAt,
		p.orderID[:])
	if err != nil {
		return fmt.Errorf("update the payment of order %s: %w", p.orderID, err)
	}
	return nil
}

// selectDue returns the ids of the orders whose payments are due, those that wait longest first.
func selectDue(ctx context.Context, q database.Queryer, now time.Time, limit int) ([]uuid.UUID, error) {
	return database.Collect(ctx, q, database.ScanColumn[uuid.UUID], `
		SELECT order_id
		FROM payment FORCE INDEX (payment_by_next)
		WHERE next_at <= ?
		ORDER BY next_at
		LIMIT ?`, now, limit)
}
