package product

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function"
)

// orderCancelled is what stock-release reads of the event order-cancelled.
type orderCancelled struct {
	OrderID uuid.UUID `json:"orderId"`
	Payment string    `json:"payment"`
}

// stockRelease releases the stock that is reserved for cancelled orders. A cancellation that
// arrives before its order is stored as a released reservation, so that the order then reserves
// nothing.
func (s *service) stockRelease(ctx context.Context, tx *database.Tx, messages []function.Message[orderCancelled]) error {
	ids := make([]uuid.UUID, len(messages))
	for i := range messages {
		if ids[i] = messages[i].Payload.OrderID; ids[i] == uuid.Nil {
			return errors.New("the event has no orderId")
		}
	}
	first, err := insertReservations(ctx, tx, ids, released, s.Now())
	if err != nil {
		return err
	}
	before := slices.DeleteFunc(ids, func(id uuid.UUID) bool { return first[id] })
	states, err := lockReservations(ctx, tx, before)
	if err != nil {
		return err
	}
	var held, unpaid []uuid.UUID
	for i := range messages {
		order := messages[i].Payload
		if states[order.OrderID] != reserved {
			continue
		}
		delete(states, order.OrderID) // a second message about the order is a duplicate
		held = append(held, order.OrderID)
		if order.Payment == paymentRequired {
			unpaid = append(unpaid, order.OrderID)
		}
	}
	if err := releaseStock(ctx, tx, held); err != nil {
		return err
	}
	if err := deleteUnpaidItems(ctx, tx, unpaid); err != nil {
		return err
	}
	return updateReservations(ctx, tx, held, released, s.Now())
}
