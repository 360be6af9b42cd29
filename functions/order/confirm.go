package order

import (
	"context"
	"fmt"

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
	return s.decide(ctx, tx, stock.OrderID, Confirmed, "", "order-confirmed")
}

// decide brings an order to a state and tells others, or does nothing when the
// order may not go there any more.
func (s *service) decide(ctx context.Context, tx *database.Tx, id uuid.UUID, to Status, reason, eventType string) error {
	o, err := lockOrder(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("lock order %s: %w", id, err)
	}
	if !o.Move(to, reason, s.Now()) {
		return nil
	}
	if err := saveMove(ctx, tx, o); err != nil {
		return err
	}
	return s.tellDecided(ctx, tx, eventType, o)
}

// tellDecided adds the event of the order's last move to the outbox.
func (s *service) tellDecided(ctx context.Context, tx *database.Tx, eventType string, o Order) error {
	reason := o.History[len(o.History)-1].Reason
	return s.Outbox.Add(ctx, tx, eventType, "order", o.ID, Decided{OrderID: o.ID, UserID: o.UserID, Reason: reason})
}
