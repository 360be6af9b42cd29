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

// stockRelease releases the stock of a cancelled order. A cancellation that arrives
// before its order is stored as a released reservation, so that the order then reserves
// nothing.
func (s *service) stockRelease(ctx context.Context, tx *database.Tx, _ event.Event, order orderCancelled) error {
	if order.OrderID == uuid.Nil {
		return errors.New("the event has no orderId")
	}
	first, err := insertReservation(ctx, tx, order.OrderID, released, s.Now())
	if err != nil || first {
		return err
	}
	state, err := lockReservation(ctx, tx, order.OrderID)
	if err != nil {
		return fmt.Errorf("lock reservation of order %s: %w", order.OrderID, err)
	}
	if state != reserved {
		return nil
	}
	if err := releaseStock(ctx, tx, order.OrderID); err != nil {
		return err
	}
	return updateReservation(ctx, tx, order.OrderID, released, s.Now())
}
