package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// confirmPayments stores that orders are confirmed. Payments that are not made are compared with
// them again after matchAfter. It returns the orders that have no payment.
func confirmPayments(ctx context.Context, tx *database.Tx, orderIDs []uuid.UUID, now time.Time) (missing []uuid.UUID, err error) {
	args := append([]any{now, cancelledOrder, Declined, Voided, Expired, now.Add(matchAfter)}, database.IDs(orderIDs)...)
	_, err = tx.ExecContext(ctx, `
		UPDATE payment
		SET confirmed_at = COALESCE(confirmed_at, ?), match_at = CASE
				WHEN cancel_source = ? THEN NULL
				WHEN authorized_at IS NULL OR state IN (?, ?, ?) THEN COALESCE(match_at, ?)
			END
		WHERE order_id IN (`+database.Placeholders(len(orderIDs))+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("confirm %d orders: %w", len(orderIDs), err)
	}
	existing, err := database.Collect(ctx, tx, database.ScanColumn[uuid.UUID], `
		SELECT order_id
		FROM payment
		WHERE order_id IN (`+database.Placeholders(len(orderIDs))+`)`, database.IDs(orderIDs)...)
	if err != nil {
		return nil, fmt.Errorf("read the payments of %d orders: %w", len(orderIDs), err)
	}
	found := map[uuid.UUID]bool{}
	for _, id := range existing {
		found[id] = true
	}
	for _, id := range orderIDs {
		if !found[id] {
			missing = append(missing, id)
		}
	}
	return missing, nil
}

// lockMismatched returns payments that are due to be compared with their orders, and locks them
// until the transaction ends. Those that another run has locked are left to it.
func lockMismatched(ctx context.Context, tx *database.Tx, now time.Time, limit int) ([]payment, error) {
	payments, err := database.Collect(ctx, tx, scanPayment, `
		SELECT `+paymentColumns+`
		FROM payment FORCE INDEX (payment_by_match)
		WHERE match_at <= ?
		ORDER BY match_at
		LIMIT ?
		FOR UPDATE SKIP LOCKED`, now, limit)
	if err != nil {
		return nil, fmt.Errorf("read payments that disagree with their orders: %w", err)
	}
	return payments, nil
}

// setMatchAt sets when locked payments are compared with their orders, the zero time for never.
func setMatchAt(ctx context.Context, tx *database.Tx, orderIDs []uuid.UUID, at time.Time) error {
	if len(orderIDs) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE payment SET match_at = ? WHERE order_id IN (`+database.Placeholders(len(orderIDs))+`)`,
		append([]any{nullTime(at)}, database.IDs(orderIDs)...)...)
	if err != nil {
		return fmt.Errorf("schedule the comparison of %d payments: %w", len(orderIDs), err)
	}
	return nil
}
