package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// unpaidStates are the states of payments that end without money.
const unpaidStates = `('` + string(Declined) + `', '` + string(Voided) + `', '` + string(Expired) + `')`

// retainInvoicedCopies ends the expiry of the copies of orders whose invoices are issued, and
// removes the personal data of deleted accounts from them.
func retainInvoicedCopies(ctx context.Context, tx *database.Tx, orderIDs []uuid.UUID) error {
	if len(orderIDs) == 0 {
		return nil
	}
	args := append([]any{anonymousUser[:], anonymousUser[:], anonymousUser[:], anonymousUser[:]}, database.IDs(orderIDs)...)
	_, err := tx.ExecContext(ctx, `
		UPDATE order_copy
		SET expires_at = NULL, email = IF(user_id = ?, NULL, email), name = IF(user_id = ?, NULL, name),
			billing_address = IF(user_id = ?, NULL, billing_address), shipping_address = IF(user_id = ?, NULL, shipping_address)
		WHERE order_id IN (`+database.Placeholders(len(orderIDs))+`)`, args...)
	if err != nil {
		return fmt.Errorf("retain the copies of %d orders: %w", len(orderIDs), err)
	}
	return nil
}

// orderCopyRetention is how long the copy of an order is stored that is not paid: as long as a
// dead letter, which may still be replayed. A payment ends long before.
const orderCopyRetention = 31 * 24 * time.Hour

// pruneOrderCopies deletes the copies of orders that were never paid.
func (s *service) pruneOrderCopies(ctx context.Context) error {
	if err := database.Prune(ctx, s.DB, pruneOrderCopiesSQL, s.Now()); err != nil {
		return fmt.Errorf("prune copies of orders: %w", err)
	}
	return nil
}

const pruneOrderCopiesSQL = `
	DELETE FROM order_copy
	WHERE expires_at < ? AND NOT EXISTS (
		SELECT 1 FROM payment p
		WHERE p.order_id = order_copy.order_id AND (p.captured > 0 OR p.state NOT IN ` + unpaidStates + `))
	ORDER BY expires_at
	LIMIT ?`
