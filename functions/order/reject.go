package order

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

// stockRejected is what order-reject reads of the event stock-rejected.
type stockRejected struct {
	OrderID uuid.UUID `json:"orderId"`
	Reason  string    `json:"reason"`
}

// reject marks an order as rejected, because its stock could not be reserved.
func (s *service) reject(ctx context.Context, tx *database.Tx, _ event.Event, stock stockRejected) error {
	return s.decide(ctx, tx, stock.OrderID, Rejected, stock.Reason)
}
