package payment

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/money"
)

// orderChanged contains the fields of the events of an order's status that this service uses.
type orderChanged struct {
	OrderID uuid.UUID   `json:"orderId"`
	UserID  uuid.UUID   `json:"userId"`
	Total   money.Money `json:"total"`
	Payment string      `json:"payment"`
}

// paymentRequired is the value of payment in the events of an order that is to be paid. The filters of
// subscriptions select these events too, but a message may be older than its filter.
const paymentRequired = "required"

// shipped contains the fields of the events shipment-created and order-shipped that payment-capture
// uses.
type shipped struct {
	OrderID uuid.UUID `json:"orderId"`
	Payment string    `json:"payment"`
}

// capture captures the whole authorized amount of an order with its first shipment: there is one
// capture of an authorization, and it would expire before later shipments. Events after the first
// one change nothing; order-shipped is the only one of an order that a revision without shipments has
// shipped.
func (s *service) capture(ctx context.Context, e event.Event, in shipped) error {
	if in.Payment != paymentRequired {
		return nil
	}
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		first, err := event.RecordProcessed(ctx, tx, "payment-capture", e, s.Now())
		if err != nil || !first {
			return err
		}
		a, err := lockAccount(ctx, tx, in.OrderID)
		if err != nil {
			return err
		}
		if a.captureCause == uuid.Nil {
			a.captureCause = e.ID
			a.continueAt(s.Now())
		}
		return s.save(ctx, tx, a)
	})
	if err != nil {
		return fmt.Errorf("capture the payment of order %s: %w", in.OrderID, err)
	}
	return s.driveForEvent(ctx, e, in.OrderID)
}
