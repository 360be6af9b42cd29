package payment

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/pricing"
)

const refundColumns = `id, order_id, state, source, amount, refund, restock, reason, requested_by, provider_refund_id,
	failure, created_at, completed_at`

func scanRefund(row database.Scanner) (*refund, error) {
	var r refund
	var content []byte
	var requestedBy uuid.NullUUID
	var providerID sql.NullString
	var completedAt sql.NullTime
	err := row.Scan(&r.id, &r.orderID, &r.state, &r.source, &r.amount, &content, &r.restock, &r.reason, &requestedBy, &providerID,
		&r.failure, &r.createdAt, &completedAt)
	if err != nil {
		return nil, err
	}
	r.requestedBy, r.providerRefundID, r.completedAt = requestedBy.UUID, providerID.String, completedAt.Time
	if content != nil {
		r.content = new(pricing.Refund)
		if err := json.Unmarshal(content, r.content); err != nil {
			return nil, fmt.Errorf("decode refund %s: %w", r.id, err)
		}
	}
	return &r, nil
}

// selectRefunds returns the refunds of an order, oldest first.
func selectRefunds(ctx context.Context, q database.Queryer, orderID uuid.UUID) ([]*refund, error) {
	refunds, err := database.Collect(ctx, q, scanRefund, `
		SELECT `+refundColumns+`
		FROM refund FORCE INDEX (refund_by_order)
		WHERE order_id = ?
		ORDER BY created_at, id`, orderID[:])
	if err != nil {
		return nil, fmt.Errorf("read the refunds of order %s: %w", orderID, err)
	}
	return refunds, nil
}

// saveRefunds inserts and updates refunds.
func saveRefunds(ctx context.Context, tx *database.Tx, refunds []*refund) error {
	rows := make([][]any, len(refunds))
	for i, r := range refunds {
		var content []byte
		if r.content != nil {
			var err error
			if content, err = json.Marshal(r.content); err != nil {
				return fmt.Errorf("encode refund %s: %w", r.id, err)
			}
		}
		rows[i] = []any{
			r.id[:], r.orderID[:], r.state, r.source, r.amount, content, r.restock, r.reason, nullID(r.requestedBy), nullText(r.providerRefundID),
			r.failure, r.createdAt, nullTime(r.completedAt),
		}
	}
	err := database.InsertRows(ctx, tx, "refund ("+refundColumns+")", `
		ON DUPLICATE KEY UPDATE state = VALUES(state), amount = VALUES(amount), provider_refund_id = VALUES(provider_refund_id),
			failure = VALUES(failure), completed_at = VALUES(completed_at)`, rows)
	if err != nil {
		return fmt.Errorf("store %d refunds: %w", len(refunds), err)
	}
	return nil
}
