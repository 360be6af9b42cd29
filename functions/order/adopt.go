package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/trail"
)

// orderAdopted is the topic of the events with the new owner of an order, for the payment service.
var orderAdopted = event.NewTopic[Adopted]("order-adopted", "order")

// Adopted is the payload of order-adopted, which is published when an order of a guest becomes an
// account's, for orders that must be paid.
type Adopted struct {
	OrderID uuid.UUID `json:"orderId"`
	UserID  uuid.UUID `json:"userId"`
	Payment Payment   `json:"payment,omitempty"`
}

// EventAttributes implements event.Attributed.
func (a Adopted) EventAttributes() map[string]string { return paymentAttributes(a.Payment) }

// emailConfirmed contains the fields of the event email-confirmed that order-adopt uses.
type emailConfirmed struct {
	UserID  uuid.UUID `json:"userId"`
	EmailID uuid.UUID `json:"emailId"`
}

// adopt makes the orders that guests have placed with an e-mail address those of the account that
// has confirmed the address. The tokens of their checkouts do not reach them any more. Orders
// that are placed later with the address, without signing in, remain those of guests.
//
// It also records the id of the account's address, by which staff finds the account's orders.
//
// It locks the customer, as anonymize does: the orders of an account that was deleted meanwhile
// remain those of guests.
func (s *service) adopt(ctx context.Context, tx *database.Tx, _ event.Event, account emailConfirmed) error {
	if account.UserID == uuid.Nil || account.EmailID == uuid.Nil {
		return errors.New("event has no userId or no emailId")
	}
	deleted, err := lockCustomer(ctx, tx, account.UserID)
	if err != nil {
		return fmt.Errorf("lock customer %s: %w", account.UserID, err)
	}
	if deleted {
		return nil
	}
	if err := setMailbox(ctx, tx, account); err != nil {
		return fmt.Errorf("store the mailbox of customer %s: %w", account.UserID, err)
	}
	ids, err := lockGuestOrders(ctx, tx, account.EmailID)
	if err != nil || len(ids) == 0 {
		return err
	}
	orders, err := lockOrders(ctx, tx, ids)
	if err != nil {
		return err
	}
	if err := adoptOrders(ctx, tx, account, ids); err != nil {
		return fmt.Errorf("adopt %d orders from %s for customer %s: %w", len(ids), ids[0], account.UserID, err)
	}
	if err := s.recordAdoption(ctx, tx, account.UserID, ids); err != nil {
		return err
	}
	var events []event.AddParams[Adopted]
	for _, id := range ids {
		if o := orders[id]; o != nil && o.Payment == PaymentRequired {
			events = append(events, event.AddParams[Adopted]{AggregateID: id, Payload: Adopted{id, account.UserID, o.Payment.inEvent()}})
		}
	}
	if err := orderAdopted.AddBatch(ctx, tx, s.Outbox, events...); err != nil {
		return err
	}
	tx.AfterCommit(func(ctx context.Context) {
		slog.InfoContext(ctx, "orders adopted", "customer", account.UserID, "orders", len(ids))
	})
	return nil
}

// recordAdoption records in the trail that orders have got another customer, whose id is personal.
func (s *service) recordAdoption(ctx context.Context, tx *database.Tx, customer uuid.UUID, ids []uuid.UUID) error {
	changes := make([]trail.Change, len(ids))
	for i, id := range ids {
		changes[i] = trail.Change{Resource: resourceOrder, ID: id, After: trail.Fields{"userId": trail.Personal(customer)}, At: s.Now()}
	}
	return trail.Record(ctx, tx, changes...)
}
