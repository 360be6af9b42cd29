package product

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/function"
	"souk/shared/trail"
)

// restocking is what stock-restock reads of the events payment-refunded and return-received. The
// refund of a return does not restock: its units are those of return-received, with or without a
// payment.
type restocking struct {
	OrderID uuid.UUID       `json:"orderId"`
	Lines   []restockedLine `json:"lines"`
	// ReturnID is only in return-received. Returned units were shipped.
	ReturnID uuid.UUID `json:"returnId,omitzero"`
}

// restockedUnits are units of a product of an order that are for sale again.
type restockedUnits struct{ refunded, returned int64 }

// add adds the units of a line.
func (u *restockedUnits) add(event restocking, line restockedLine) {
	if event.ReturnID != uuid.Nil {
		u.returned += line.Quantity
	} else {
		u.refunded += line.Quantity
	}
}

type restockedLine struct {
	ProductID uuid.UUID `json:"productId"`
	Quantity  int64     `json:"quantity"`
	Restock   bool      `json:"restock"`
}

// validate returns an error for an event without an order, or with a quantity below 1, which
// would decrease the stock.
func (r restocking) validate() error {
	if r.OrderID == uuid.Nil {
		return errors.New("the event has no orderId")
	}
	for _, line := range r.Lines {
		if line.Quantity < 1 || line.ProductID == uuid.Nil {
			return fmt.Errorf("the event about order %s has %d units of product %s", r.OrderID, line.Quantity, line.ProductID)
		}
	}
	return nil
}

// reservedProduct is a product that is reserved for an order.
type reservedProduct struct{ orderID, productID uuid.UUID }

// stockRestock makes refunded and returned units available again, if the event says so. They are
// units that are reserved for the order: what was released because of a cancellation, or restocked by
// an earlier event, is available already. Refunded units that were not shipped are not reserved any
// more; those of a return were shipped.
func (s *service) stockRestock(ctx context.Context, tx *database.Tx, messages []function.Message[restocking]) error {
	wanted := map[reservedProduct]restockedUnits{}
	causes := map[uuid.UUID]*function.Message[restocking]{} // by order
	for i := range messages {
		event := messages[i].Payload
		if err := event.validate(); err != nil {
			return err
		}
		causes[event.OrderID] = &messages[i]
		for _, line := range event.Lines {
			if line.Restock {
				item := reservedProduct{event.OrderID, line.ProductID}
				units := wanted[item]
				units.add(event, line)
				wanted[item] = units
			}
		}
	}
	orders := map[uuid.UUID]bool{}
	for key := range wanted {
		orders[key.orderID] = true
	}
	states, err := lockReservations(ctx, tx, database.SortedIDs(maps.Keys(orders)))
	if err != nil {
		return err
	}
	changes := stockChanges{}
	var entries []trail.Change
	for _, key := range slices.SortedFunc(maps.Keys(wanted), reservedProduct.compare) {
		if states[key.orderID] != reserved {
			continue
		}
		change, err := restockItem(ctx, tx, key, wanted[key])
		if err != nil {
			return err
		}
		if change != (stockChange{}) {
			changes.add(key.productID, change)
		}
		if change.available > 0 {
			entries = append(entries, key.restocked(causes[key.orderID].Context, change.available, s.Now()))
		}
	}
	if err := changeStock(ctx, tx, changes); err != nil {
		return err
	}
	return trail.Record(ctx, tx, entries...)
}

// restocked returns the change of a product, units of which are available again, for the trail.
func (p reservedProduct) restocked(cause context.Context, units int64, at time.Time) trail.Change {
	return trail.Change{
		Resource: resourceProduct, ID: p.productID, At: at, Context: cause,
		After: trail.Fields{"restocked": units, "orderId": p.orderID},
	}
}

// compare orders products by their orders.
func (p reservedProduct) compare(other reservedProduct) int {
	return cmp.Or(bytes.Compare(p.orderID[:], other.orderID[:]), bytes.Compare(p.productID[:], other.productID[:]))
}
