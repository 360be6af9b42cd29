package order

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

// stockReserved is what order-confirm reads of the event stock-reserved.
type stockReserved struct {
	OrderID uuid.UUID `json:"orderId"`
}

// confirm notes that an order has its stock. An order that was cancelled in the
// meantime stays so: its cancellation gives the stock back.
func (s *service) confirm(ctx context.Context, tx *database.Tx, _ event.Event, stock stockReserved) error {
	return s.decide(ctx, tx, stock.OrderID, step{To: Confirmed, Event: "order-confirmed"})
}
