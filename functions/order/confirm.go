package order

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function"
)

// The events that confirm orders.
const (
	stockReserved     = "stock-reserved"
	paymentAuthorized = "payment-authorized"
)

// confirmation contains the fields of the events stock-reserved and payment-authorized that
// order-confirm uses.
type confirmation struct {
	OrderID uuid.UUID `json:"orderId"`
	// AuthorizedAt is when the provider reported the authorization: the zero time in stock-reserved
	// and in events of older revisions of the payment service.
	AuthorizedAt time.Time `json:"authorizedAt,omitzero"`
}

func (e confirmation) order() uuid.UUID      { return e.OrderID }
func (confirmation) reason() string          { return "" }
func (e confirmation) occurredAt() time.Time { return e.AuthorizedAt }

// confirm changes the status of pending orders after their stock was reserved: to confirmed, or to
// awaiting_payment if they must be paid. It confirms the latter after their payment was
// authorized. The payment is requested after the stock was reserved, so that an order whose
// authorization arrives before stock-reserved has its stock, and is confirmed.
//
// An order that was cancelled before that remains cancelled: its cancellation releases the
// stock, and voids the payment.
func (s *service) confirm(ctx context.Context, tx *database.Tx, messages []function.Message[confirmation]) error {
	return changeStatusForEvents(ctx, tx, s, messages, func(o *Order, m *function.Message[confirmation]) Status {
		switch {
		case m.Event.Type == paymentAuthorized && o.Payment != PaymentRequired:
			tx.AfterCommit(func(context.Context) {
				slog.WarnContext(m.Context, "payment authorized for an order without payment", "order", o.ID)
			})
			return ""
		case m.Event.Type == paymentAuthorized:
			return Confirmed
		case o.Payment == PaymentRequired:
			return AwaitingPayment
		}
		return Confirmed
	})
}
