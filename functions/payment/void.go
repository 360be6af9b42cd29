package payment

import (
	"context"
	"errors"
	"fmt"

	"souk/shared/database"
	"souk/shared/event"
)

// void gives back the money of an order that was cancelled or rejected: it voids a payment that is
// not captured, and refunds one that is. If the event has overtaken stock-reserved, it leaves a
// voided payment, so that none is requested.
func (s *service) void(ctx context.Context, e event.Event, in orderChanged) error {
	if in.Payment != paymentRequired {
		return nil
	}
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		first, err := event.RecordProcessed(ctx, tx, "payment-void", e, s.Now())
		if err != nil || !first {
			return err
		}
		now := s.Now()
		a, err := lockAccount(ctx, tx, in.OrderID)
		if errors.Is(err, database.ErrNotFound) {
			tombstone := newPayment(in.OrderID, in.UserID, s.settings.Provider, in.Total, s.settings.Capture.mode(), now)
			tombstone.state, tombstone.cancelCause, tombstone.cancelSource = Voided, e.ID, cancelledOrder
			inserted, insertErr := insertPayment(ctx, tx, &tombstone)
			if insertErr != nil || inserted {
				return insertErr
			}
			a, err = lockAccount(ctx, tx, in.OrderID)
		}
		if err != nil {
			return err
		}
		if in.UserID == anonymousUser {
			a.userID = anonymousUser // The account was deleted in the meantime.
		}
		a.cancel(e.ID, cancelledOrder, now)
		return s.save(ctx, tx, a)
	})
	if err != nil {
		return fmt.Errorf("void the payment of order %s: %w", in.OrderID, err)
	}
	return s.driveForEvent(ctx, e, in.OrderID)
}
