package payment

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/money"
)

// invoiceDraft stores the copy of an order that is to be paid, for its invoice and its refunds.
func (s *service) invoiceDraft(ctx context.Context, tx *database.Tx, e event.Event, order orderPlaced) error {
	if order.Payment != paymentRequired {
		return nil // The filter of the subscription lets none through.
	}
	if order.OrderID == uuid.Nil || money.CheckCurrency(order.Total.Currency) != nil {
		return errors.New("event has no orderId or no total")
	}
	if err := insertOrderCopy(ctx, tx, order, e.Time, s.settings.GuestRetention); err != nil {
		return err
	}
	return anonymizeLate(ctx, tx, order.UserID)
}
