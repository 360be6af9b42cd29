package product

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function"
)

// orderConfirmed is what stock-sell reads of the event order-confirmed.
type orderConfirmed struct {
	OrderID uuid.UUID `json:"orderId"`
	Payment string    `json:"payment"`
}

// stockSell records that orders are paid: their units do not count as unpaid any more. Orders
// without payment have none that do.
func (s *service) stockSell(ctx context.Context, tx *database.Tx, messages []function.Message[orderConfirmed]) error {
	var paid []uuid.UUID
	for i := range messages {
		order := messages[i].Payload
		if order.OrderID == uuid.Nil {
			return errors.New("the event has no orderId")
		}
		if order.Payment == paymentRequired {
			paid = append(paid, order.OrderID)
		}
	}
	return deleteUnpaidItems(ctx, tx, paid)
}
