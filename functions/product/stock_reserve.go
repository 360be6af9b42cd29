package product

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/money"
)

// orderPlaced is what stock-reserve reads of the event order-placed.
type orderPlaced struct {
	OrderID uuid.UUID    `json:"orderId"`
	Items   []placedItem `json:"items"`
	// The others are for the payment service, if the order must be paid.
	UserID  uuid.UUID   `json:"userId"`
	Total   money.Money `json:"total"`
	Payment string      `json:"payment"`
	// Sources are ids of where the order comes from, such as its account and its network.
	Sources []uuid.UUID `json:"sources"`
}

type placedItem struct {
	ProductID uuid.UUID   `json:"productId"`
	Quantity  int64       `json:"quantity"`
	UnitPrice money.Money `json:"unitPrice"`
}

// validate returns an error for an event without items, or with a quantity below 1,
// which would increase the stock.
func (o orderPlaced) validate() error {
	if o.OrderID == uuid.Nil || len(o.Items) == 0 {
		return fmt.Errorf("order %s has %d items", o.OrderID, len(o.Items))
	}
	for _, item := range o.Items {
		if item.Quantity < 1 {
			return fmt.Errorf("order %s has %d units of product %s", o.OrderID, item.Quantity, item.ProductID)
		}
	}
	return nil
}

// StockReserved is the payload of stock-reserved: all items of the order are reserved. The
// fields besides its id are those of order-placed, for an order that must be paid.
type StockReserved struct {
	OrderID uuid.UUID    `json:"orderId"`
	UserID  uuid.UUID    `json:"userId,omitzero"`
	Total   *money.Money `json:"total,omitempty"`
	Payment string       `json:"payment,omitempty"`
	// Sources are ids of the customer and of the network, if it is known. The payment service
	// limits the declined cards of each.
	Sources []uuid.UUID `json:"sources,omitempty"`
}

// EventAttributes implements event.Attributed.
func (e StockReserved) EventAttributes() map[string]string {
	if e.Payment == "" {
		return nil
	}
	return map[string]string{"payment": e.Payment}
}

func (o orderPlaced) newStockReserved() StockReserved {
	if o.Payment == "" {
		return StockReserved{OrderID: o.OrderID}
	}
	return StockReserved{OrderID: o.OrderID, UserID: o.UserID, Total: &o.Total, Payment: o.Payment, Sources: o.Sources}
}

// StockRejected is the payload of stock-rejected: no item of the order is reserved,
// because of one product.
type StockRejected struct {
	OrderID   uuid.UUID `json:"orderId"`
	ProductID uuid.UUID `json:"productId"`
	Reason    Reason    `json:"reason"`
}

// Reason is the reason why an order's stock could not be reserved.
type Reason string

// The reasons of StockRejected.
const (
	InsufficientStock  Reason = "insufficient_stock"
	PriceChanged       Reason = "price_changed"
	ProductUnavailable Reason = "product_unavailable"
	// TooManyUnpaid: unpaid orders of the same customer or network hold as many units of the
	// product as they may.
	TooManyUnpaid Reason = "too_many_unpaid_units"
)

// stockReserve reserves all items of an order or none, for each order in the order of arrival,
// and publishes the results.
func (s *service) stockReserve(ctx context.Context, tx *database.Tx, messages []function.Message[orderPlaced]) error {
	for i := range messages {
		if err := messages[i].Payload.validate(); err != nil {
			return err
		}
	}
	// Orders that were decided before, or cancelled before this event arrived, have a
	// reservation.
	undecided, err := insertReservations(ctx, tx, orderIDs(messages), reserved, s.Now())
	if err != nil {
		return err
	}
	stock, err := lockStock(ctx, tx, messages, undecided)
	if err != nil {
		return err
	}
	unpaid, err := s.readUnpaid(ctx, tx, messages, undecided)
	if err != nil {
		return err
	}
	d := decisions{stock: stock, unpaid: unpaid}
	for i := range messages {
		if id := messages[i].Payload.OrderID; undecided[id] {
			delete(undecided, id) // a second message about the order is a duplicate
			d.decide(&messages[i])
		}
	}
	return s.storeDecisions(ctx, tx, d)
}

// orderIDs returns the ids of the orders of messages.
func orderIDs(messages []function.Message[orderPlaced]) []uuid.UUID {
	ids := make([]uuid.UUID, len(messages))
	for i := range messages {
		ids[i] = messages[i].Payload.OrderID
	}
	return ids
}

// decisions are the results of orders, and the stock that they take.
type decisions struct {
	stock  map[uuid.UUID]*stockItem
	unpaid unpaidUnits
	// reserved are the orders whose items are reserved, with their items.
	reserved []event.AddParams[StockReserved]
	items    []reservedItem
	rejected []event.AddParams[StockRejected]
	// unpaidItems are items that are reserved for orders that must be paid.
	unpaidItems []unpaidItem
}

// reservedItem is an item of an order whose stock is reserved.
type reservedItem struct {
	orderID uuid.UUID
	placedItem
}

// decide reserves all items of an order or none, in memory.
func (d *decisions) decide(m *function.Message[orderPlaced]) {
	order := m.Payload
	items := slices.SortedFunc(slices.Values(order.Items), func(a, b placedItem) int { return database.CompareIDs(a.ProductID, b.ProductID) })
	for i, item := range items {
		if reason := d.take(order, item); reason != "" {
			for _, taken := range items[:i] {
				d.stock[taken.ProductID].taken -= taken.Quantity
			}
			d.rejected = append(d.rejected, event.AddParams[StockRejected]{
				AggregateID: order.OrderID, Context: m.Context,
				Payload: StockRejected{OrderID: order.OrderID, ProductID: item.ProductID, Reason: reason},
			})
			return
		}
	}
	for _, item := range items {
		d.items = append(d.items, reservedItem{order.OrderID, item})
		d.unpaidItems = append(d.unpaidItems, d.unpaid.add(order, item)...)
	}
	d.reserved = append(d.reserved, event.AddParams[StockReserved]{
		AggregateID: order.OrderID, Context: m.Context, Payload: order.newStockReserved(),
	})
}

// take takes the units of an item of an order. It returns the reason if it cannot.
func (d *decisions) take(order orderPlaced, item placedItem) Reason {
	stock := d.stock[item.ProductID]
	if reason := stock.take(item); reason != "" {
		return reason
	}
	// What was available before the item.
	if available := stock.available - stock.taken + item.Quantity; !d.unpaid.allow(order, item, available) {
		stock.taken -= item.Quantity
		return TooManyUnpaid
	}
	return ""
}

// take takes the units of an item. It returns the reason if it cannot.
func (p *stockItem) take(item placedItem) Reason {
	switch {
	case p == nil || p.status != Active:
		return ProductUnavailable
	case p.price != item.UnitPrice:
		return PriceChanged
	case p.available-p.taken < item.Quantity:
		return InsufficientStock
	}
	p.taken += item.Quantity
	return ""
}

// storeDecisions takes the stock, stores the reservations and adds their events, and those about
// stock that becomes low, to the outbox.
func (s *service) storeDecisions(ctx context.Context, tx *database.Tx, d decisions) error {
	if err := takeStock(ctx, tx, d.stock); err != nil {
		return err
	}
	if err := insertReservedItems(ctx, tx, d.items); err != nil {
		return err
	}
	if err := insertUnpaidItems(ctx, tx, d.unpaidItems, s.Now()); err != nil {
		return err
	}
	rejectedIDs := make([]uuid.UUID, len(d.rejected))
	for i := range d.rejected {
		rejectedIDs[i] = d.rejected[i].AggregateID
	}
	if err := updateReservations(ctx, tx, rejectedIDs, rejected, s.Now()); err != nil {
		return err
	}
	reservedEvents, err := topicStockReserved.New(ctx, s.Outbox, d.reserved...)
	if err != nil {
		return err
	}
	rejectedEvents, err := topicStockRejected.New(ctx, s.Outbox, d.rejected...)
	if err != nil {
		return err
	}
	lowEvents, err := s.newStockLowEvents(ctx, tx, d.stock)
	if err != nil {
		return err
	}
	return s.Outbox.Add(ctx, tx, slices.Concat(reservedEvents, rejectedEvents, lowEvents)...)
}
