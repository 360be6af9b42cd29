package order

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

// reasonUnitsWithdrawn is the reason in the history of an order of which units were refunded and are
// for sale again.
const reasonUnitsWithdrawn = "units_withdrawn"

// paymentRefunded contains the fields of the event payment-refunded that order-withdraw uses.
type paymentRefunded struct {
	OrderID uuid.UUID      `json:"orderId"`
	Lines   []refundedLine `json:"lines"`
}

type refundedLine struct {
	ProductID uuid.UUID `json:"productId"`
	Quantity  int64     `json:"quantity"`
	Restock   bool      `json:"restock"`
}

// validate returns an error for an event without an order, or with a quantity below 1.
func (p paymentRefunded) validate() error {
	if p.OrderID == uuid.Nil {
		return errors.New("event has no orderId")
	}
	for _, line := range p.Lines {
		if line.Quantity < 1 {
			return fmt.Errorf("the event about order %s has %d units of product %s", p.OrderID, line.Quantity, line.ProductID)
		}
	}
	return nil
}

// withdrawal is what a refund changes of a line of an order.
type withdrawal struct {
	line                 int
	withdrawn, takenBack int64
}

// withdraw records the units of an order that were refunded and are for sale again, so that they are
// neither shipped nor returned: they would then be sold twice, or for sale twice. A partially shipped
// order of which nothing remains is shipped. The refund of a return has no such units:
// return-receive counts them.
func (s *service) withdraw(ctx context.Context, tx *database.Tx, _ event.Event, in paymentRefunded) error {
	if err := in.validate(); err != nil {
		return err
	}
	if !in.restocks() {
		return nil
	}
	o, err := lockOrder(ctx, tx, in.OrderID)
	if err != nil {
		return fmt.Errorf("lock order %s: %w", in.OrderID, err)
	}
	if o.Status == Cancelled || o.Status == Rejected { // all of its units are for sale again
		return nil
	}
	changes := o.withdraw(in.Lines)
	if len(changes) == 0 {
		return nil
	}
	if err := updateWithdrawn(ctx, tx, &o, changes); err != nil {
		return fmt.Errorf("withdraw units of order %s: %w", o.ID, err)
	}
	if o.Status == PartiallyShipped && len(o.remainingUnits()) == 0 {
		_, err := s.changeStatuses(ctx, tx, Shipped, statusChange{order: &o, reason: reasonUnitsWithdrawn, actor: Actor{Kind: System}, cause: ctx})
		return err
	}
	o.addHistory(o.Status, reasonUnitsWithdrawn, Actor{Kind: System}, s.Now())
	if err := saveStatusChanges(ctx, tx, o.Status, o.UpdatedAt, []historyRow{{&o, ctx}}); err != nil {
		return fmt.Errorf("record that units of order %s are withdrawn: %w", o.ID, err)
	}
	return nil
}

// restocks reports whether any refunded units are for sale again.
func (p paymentRefunded) restocks() bool {
	for _, line := range p.Lines {
		if line.Restock {
			return true
		}
	}
	return false
}

// withdraw counts refunded units that are for sale again: first those that were not shipped, then those
// that have come back. It returns what changes.
func (o *Order) withdraw(refunded []refundedLine) (changes []withdrawal) {
	for _, r := range refunded {
		line := o.line(r.ProductID)
		if !r.Restock || line < 0 {
			continue
		}
		item := &o.Items[line]
		w := withdrawal{line: line, withdrawn: min(r.Quantity, item.remaining())}
		w.takenBack = min(r.Quantity-w.withdrawn, item.Shipped-item.Returned)
		if w.withdrawn+w.takenBack > 0 {
			item.Withdrawn += w.withdrawn
			item.Returned += w.takenBack
			changes = append(changes, w)
		}
	}
	return changes
}
