package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// callback is a verified request of the provider.
type callback struct {
	provider, eventID, kind, providerPaymentID string
	orderID                                    uuid.UUID
}

// insertCallback stores a callback. It returns false for one that is stored already.
func insertCallback(ctx context.Context, tx *database.Tx, c callback, now time.Time) (bool, error) {
	inserted, err := database.InsertMissing([]string{c.eventID}, func([]string) error {
		return database.InsertRows(ctx, tx, "callback (provider, event_id, type, provider_payment_id, order_id, received_at)", "", [][]any{
			{c.provider, c.eventID, c.kind, c.providerPaymentID, nullID(c.orderID), now},
		})
	}, nil)
	if err != nil {
		return false, fmt.Errorf("store callback %s: %w", c.eventID, err)
	}
	return inserted[c.eventID], nil
}

// assignCallbacks assigns the callbacks about a payment, which have arrived before its id was
// known, to its order. It reports whether there are any.
func assignCallbacks(ctx context.Context, tx *database.Tx, name, providerID string, orderID uuid.UUID) (bool, error) {
	found, err := database.Affected(tx.ExecContext(ctx, `
		UPDATE callback
		SET order_id = ?
		WHERE provider = ? AND provider_payment_id = ? AND order_id IS NULL`, orderID[:], name, providerID))
	if err != nil {
		return false, fmt.Errorf("assign the callbacks of order %s: %w", orderID, err)
	}
	return found, nil
}

const (
	// callbackRetention is for how long callbacks are stored: longer than providers repeat them.
	callbackRetention = 31 * 24 * time.Hour
	pruneCallbacks    = `DELETE FROM callback WHERE received_at < ? ORDER BY received_at LIMIT ?`
)

// pruneCallbacks deletes old callbacks.
func (s *service) pruneCallbacks(ctx context.Context) error {
	if err := database.Prune(ctx, s.DB, pruneCallbacks, s.Now().Add(-callbackRetention)); err != nil {
		return fmt.Errorf("prune callbacks: %w", err)
	}
	return nil
}
