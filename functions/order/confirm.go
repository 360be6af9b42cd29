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

// confirm marks an order as confirmed, because its stock is reserved. An order that was
// cancelled in the meantime stays cancelled: its cancellation releases the stock.
func (s *service) confirm(ctx context.Context, tx *database.Tx, _ event.Event, stock stockReserved) error {
	return s.decide(ctx, tx, stock.OrderID, Confirmed, "")
}
