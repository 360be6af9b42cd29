package product

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

// orderCancelled is what stock-release reads of the event order-cancelled.
type orderCancelled struct {
	OrderID uuid.UUID `json:"orderId"`
}

// stockRelease gives back the pieces of a cancelled order. A cancellation that
// comes before its order leaves a tombstone: the order then gets nothing.
func (s *service) stockRelease(ctx context.Context, tx *database.Tx, _ event.Event, order orderCancelled) error {
	if order.OrderID == uuid.Nil {
		return errors.New("a cancellation of no order")
	}
	first, err := insertReservation(ctx, tx, order.OrderID, released, s.Now())
	if err != nil || first {
		return err
	}
	state, err := lockReservation(ctx, tx, order.OrderID)
	if err != nil {
		return fmt.Errorf("lock the reservation of order %s: %w", order.OrderID, err)
	}
	if state != reserved {
		return nil
	}
	if err := returnStock(ctx, tx, order.OrderID); err != nil {
		return err
	}
	return updateReservation(ctx, tx, order.OrderID, released, s.Now())
}
