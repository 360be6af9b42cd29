package order

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function"
)

// stockRejected contains the fields of the event stock-rejected that order-reject uses.
type stockRejected struct {
	OrderID uuid.UUID `json:"orderId"`
	Reason  string    `json:"reason"`
}

func (e stockRejected) order() uuid.UUID    { return e.OrderID }
func (e stockRejected) reason() string      { return e.Reason }
func (stockRejected) occurredAt() time.Time { return time.Time{} }

// reject changes the status of pending orders to rejected, because their stock could not be
// reserved.
func (s *service) reject(ctx context.Context, tx *database.Tx, messages []function.Message[stockRejected]) error {
	return changeStatusForEvents(ctx, tx, s, messages, func(*Order, *function.Message[stockRejected]) Status { return Rejected })
}
