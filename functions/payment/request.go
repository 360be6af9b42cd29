package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/money"
)

// stockReserved contains the fields of the event stock-reserved that payment-request uses. Total
// is nil for an order without payment.
type stockReserved struct {
	OrderID uuid.UUID    `json:"orderId"`
	UserID  uuid.UUID    `json:"userId"`
	Total   *money.Money `json:"total"`
	Payment string       `json:"payment"`
	// Sources are ids of the customer and of the network, if it is known.
	Sources []uuid.UUID `json:"sources"`
}

// request creates the payment of an order whose stock is reserved, at the provider. A cancellation
// that has overtaken the event has left a voided payment, which stays.
func (s *service) request(ctx context.Context, e event.Event, in stockReserved) error {
	if in.Payment != paymentRequired || in.Total == nil {
		return nil
	}
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		first, err := event.RecordProcessed(ctx, tx, "payment-request", e, s.Now())
		if err != nil || !first {
			return err
		}
		return s.open(ctx, tx, e.ID, in)
	})
	if err != nil {
		return fmt.Errorf("store the payment of order %s: %w", in.OrderID, err)
	}
	return s.driveForEvent(ctx, e, in.OrderID)
}

// open stores a payment that is to be created. It fails at once if too many cards of its customer or
// its network were declined.
func (s *service) open(ctx context.Context, tx *database.Tx, cause uuid.UUID, in stockReserved) error {
	now := s.Now()
	if err := insertSources(ctx, tx, in, now); err != nil {
		return err
	}
	declines, err := sumDeclines(ctx, tx, in.OrderID, now.Add(-declinesWindow))
	if err != nil {
		return fmt.Errorf("count declined cards for order %s: %w", in.OrderID, err)
	}
	p := newPayment(in.OrderID, in.UserID, s.settings.Provider, *in.Total, s.settings.Capture.mode(), now)
	a := newAccount(p)
	if source := declines.tooMany(s.settings); source == "" {
		a.nextAt = now
		a.add(opCreate, cause, p.amount.Amount, now)
	} else {
		slog.WarnContext(ctx, "refuse a payment after many declined cards", "order", in.OrderID, "source", source, "declines", declines[source])
		a.failure = failureTooManyDeclines
		a.becomeUnpaid(Declined)
	}
	inserted, err := insertPayment(ctx, tx, &a.payment)
	if err != nil || !inserted {
		return err
	}
	a.stored, a.isNew = a.payment, true
	return s.save(ctx, tx, a)
}

// failureTooManyDeclines is the failure of a payment that is refused because of declined cards.
const failureTooManyDeclines = "too_many_declines"

// redeliverFor is how long after an event its redelivery continues with a payment, which is sooner
// than payment-reconcile.
const redeliverFor = 10 * time.Minute

// driveForEvent drives the payment of an order after an event. While the provider does not
// respond, its error makes Pub/Sub redeliver the event, for some minutes.
func (s *service) driveForEvent(ctx context.Context, e event.Event, orderID uuid.UUID) error {
	err := s.drive(ctx, orderID, false)
	if err == nil {
		return nil
	}
	if s.Now().Sub(e.Time) < redeliverFor {
		if errors.Is(err, errBusy) {
			return event.Later(err)
		}
		return err
	}
	if _, ofProvider := errors.AsType[*provider.Error](err); ofProvider || errors.Is(err, errBusy) {
		slog.WarnContext(ctx, "payment-reconcile continues with a payment", "order", orderID, "event", e.ID, "error", err)
		return nil
	}
	return err
}
