package order

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

// stockRejected contains the fields of the event stock-rejected that order-reject uses.
type stockRejected struct {
	OrderID uuid.UUID `json:"orderId"`
	Reason  string    `json:"reason"`
}

// reject changes the status of a pending order to rejected, because its stock could not be
// reserved.
func (s *service) reject(ctx context.Context, tx *database.Tx, _ event.Event, stock stockRejected) error {
	return s.changeStatusForEvent(ctx, tx, stock.OrderID, Rejected, stock.Reason)
}
