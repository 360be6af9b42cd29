package order

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function"
)

// declined is the reason of payment-failed for a payment that was never authorized.
const declined = "declined"

// paymentFailure contains the fields of the event payment-failed that order-payment-failed uses.
type paymentFailure struct {
	OrderID uuid.UUID `json:"orderId"`
	Reason  string    `json:"reason"`
}

func (e paymentFailure) order() uuid.UUID    { return e.OrderID }
func (paymentFailure) reason() string        { return reasonPaymentFailed }
func (paymentFailure) occurredAt() time.Time { return time.Time{} }

// paymentFailed cancels orders whose payment failed, and so releases their stock. A confirmed
// order is cancelled if its authorization has expired or was voided: it must not be shipped
// unpaid. A late message about a payment that was declined before does not affect it.
func (s *service) paymentFailed(ctx context.Context, tx *database.Tx, messages []function.Message[paymentFailure]) error {
	return changeStatusForEvents(ctx, tx, s, messages, func(o *Order, m *function.Message[paymentFailure]) Status {
		if o.Payment != PaymentRequired || o.Status == Confirmed && m.Payload.Reason == declined {
			return ""
		}
		return Cancelled
	})
}
