package order

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

// stockReserved contains the fields of the event stock-reserved that order-confirm uses.
type stockReserved struct {
	OrderID uuid.UUID `json:"orderId"`
}

// confirm changes the status of a pending order to confirmed after its stock was reserved.
// An order that was cancelled before that remains cancelled: its cancellation releases the
// stock.
func (s *service) confirm(ctx context.Context, tx *database.Tx, _ event.Event, stock stockReserved) error {
	return s.changeStatusForEvent(ctx, tx, stock.OrderID, Confirmed, "")
}
