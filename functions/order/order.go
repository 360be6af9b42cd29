package order

import (
	"time"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/money"
	"souk/shared/pricing"
)

// Order is a customer's order, with the prices at the time when it was placed.
type Order struct {
	ID     uuid.UUID `json:"id" format:"uuid"`
	Number string    `json:"number,omitempty" doc:"The readable number of the order, which is unique, for mails and for people. It is absent for some minutes for orders that were placed by an older version of the shop." example:"S-7KQ4-2MXW"`
	UserID uuid.UUID `json:"userId" format:"uuid"`
	Status Status    `json:"status"`
	Items  []Item    `json:"items" nullable:"false"`
	// ItemCount is the sum of the quantities of Items.
	ItemCount int64 `json:"itemCount" doc:"The units in the order." example:"1"`
	Prices
	Payment         Payment                `json:"payment" doc:"Whether the order must be paid before it is confirmed." example:"none"`
	ShippingAddress *address.PostalAddress `json:"shippingAddress,omitempty" doc:"The address that was sent when the order was placed. It is absent after the customer's account was deleted."`
	Contact
	Shipments []Shipment     `json:"shipments,omitempty" doc:"The shipments, oldest first. They are absent if there are none, and for orders that were shipped before shipments were stored."`
	Returns   []Return       `json:"returns,omitempty" doc:"The returns, oldest first. They are absent if there are none."`
	Tags      []string       `json:"tags,omitempty" doc:"The tags of staff. They are absent if there are none, and for customers and guests." example:"[\"gift\",\"fragile\"]"`
	History   []HistoryEntry `json:"history" nullable:"false"`
	Version   int64          `json:"version" doc:"The number of the order's current version. It is also the ETag." example:"2"`
	CreatedAt time.Time      `json:"createdAt"`
	UpdatedAt time.Time      `json:"updatedAt"`

	quote *pricing.Quote // nil for an order without tax, shipping charge and discounts
	// tags are the stored tags. Only showTags copies them to Tags.
	tags []string
	// mailbox is emailaddress.ID of a guest's address, for a new order, uuid.Nil for an order of
	// an account.
	mailbox uuid.UUID
}

// Item is a product in an order, with its price and quantity.
type Item struct {
	ProductID uuid.UUID   `json:"productId" format:"uuid"`
	SKU       string      `json:"sku,omitempty" doc:"The SKU of the product when the order was placed. It is absent in orders of older versions of the shop." example:"TEA-ASSAM-250"`
	Name      string      `json:"name" example:"Assam, 250 g"`
	UnitPrice money.Money `json:"unitPrice"`
	Quantity  int64       `json:"quantity" example:"1"`
	LineTotal money.Money `json:"lineTotal" doc:"The unit price × the quantity, before discounts."`
	ItemPrices
	Shipped  int64 `json:"shipped,omitempty" doc:"The units that were shipped. It is absent if there are none." example:"0"`
	Returned int64 `json:"returned,omitempty" doc:"The units that have come back. It is absent if there are none." example:"0"`
	// Withdrawn are units that were refunded and are for sale again before they were shipped.
	Withdrawn int64 `json:"withdrawn,omitempty" doc:"The units that are not to be shipped, because they were refunded and are for sale again. It is absent if there are none." example:"0"`
}

// remaining returns the units that are to be shipped.
func (i *Item) remaining() int64 { return i.Quantity - i.Shipped - i.Withdrawn }

// ItemPrices are what an item costs besides its line total.
type ItemPrices struct {
	Discount money.Money  `json:"discount"`
	TaxRate  pricing.Rate `json:"taxRate" doc:"Millionths: 190000 is 19 %." example:"190000"`
	Tax      money.Money  `json:"tax"`
	Total    money.Money  `json:"total" doc:"With tax, after discounts."`
}

// HistoryEntry is a change of an order: of its status, or of its returns and its refunded units, which
// do not change the status.
type HistoryEntry struct {
	Status Status    `json:"status"`
	At     time.Time `json:"at"`
	Actor  ActorKind `json:"actor" enum:"customer,shop,system" doc:"The party that changed the status."`
	Reason string    `json:"reason,omitempty" doc:"The reason, for a status that has several possible causes. return_requested, return_received, return_rejected and return_cancelled are about a return, with an unchanged status. units_withdrawn is about units that were refunded and are for sale again: they are not to be shipped, or have come back." example:"insufficient_stock"`

	actorID uuid.UUID // is stored for audits and not part of responses
}

// Actor is the party that changed an order's status: a user or the system.
type Actor struct {
	Kind ActorKind
	ID   uuid.UUID // of the account or API key; uuid.Nil for the system
}

// ActorKind is the kind of an Actor, which is part of an order's history.
type ActorKind string

// The kinds of actors.
const (
	Customer ActorKind = "customer" // the customer who placed the order
	Shop     ActorKind = "shop"     // staff or an API key, acting for the shop
	System   ActorKind = "system"   // a function that handles an event or runs on a schedule
)

// customer returns the id by which the orders of a new order's customer are limited: the account or,
// of a guest, the mailbox.
func (o *Order) customer() uuid.UUID {
	if o.mailbox != uuid.Nil {
		return o.mailbox
	}
	return o.UserID
}

// actor returns the caller as an actor: the order's customer, or the shop.
func (o *Order) actor(caller auth.Principal) Actor {
	if o.UserID != anonymousUser && caller.UserID == o.UserID {
		return Actor{Kind: Customer, ID: caller.UserID}
	}
	return Actor{Kind: Shop, ID: caller.ID()}
}

// changeStatus changes the order's status and adds the change to its history. It returns
// false, and changes nothing, if the order's current status does not allow the change.
func (o *Order) changeStatus(to Status, reason string, actor Actor, at time.Time) bool {
	if !o.Status.CanTransitionTo(to) {
		return false
	}
	o.addHistory(to, reason, actor, at)
	return true
}

// addHistory adds an entry to the order's history, whose status becomes that of the order.
func (o *Order) addHistory(status Status, reason string, actor Actor, at time.Time) {
	o.Status = status
	o.Version++
	o.UpdatedAt = at
	o.History = append(o.History, HistoryEntry{Status: status, At: at, Actor: actor.Kind, Reason: reason, actorID: actor.ID})
}

// orderResponse is a response that contains one order.
type orderResponse = api.Resource[Order]

func newResponse(o Order) *orderResponse { return &orderResponse{ETag: api.ETag(o.Version), Body: o} }

// StatusChanged is the payload of the events that are published when the status of a placed
// order changes: order-confirmed, order-rejected, order-cancelled, order-shipped and
// order-delivered; and of shipment-created.
type StatusChanged struct {
	OrderID uuid.UUID `json:"orderId"`
	Number  string    `json:"number,omitempty"` // absent for an order that has none yet
	UserID  uuid.UUID `json:"userId"`
	Reason  string    `json:"reason,omitempty"`
	// Items, Total and, unless they are zero, what lies between them are for the e-mail to the
	// customer.
	Items    []StatusChangedItem `json:"items"`
	Discount *money.Money        `json:"discount,omitempty"`
	Shipping *money.Money        `json:"shipping,omitempty"` // before discounts
	Tax      *money.Money        `json:"tax,omitempty"`
	// TaxIncluded is whether the amounts above the tax include it.
	TaxIncluded bool        `json:"taxIncluded,omitempty"`
	Total       money.Money `json:"total"`
	// Payment is PaymentRequired, or empty for an order without payment.
	Payment Payment `json:"payment,omitempty"`
	// Email and Name are those of an order's own, which was placed without an account.
	Email string `json:"email,omitempty"`
	Name  string `json:"name,omitempty"`
	// Shipment is the shipment of shipment-created, and the last one of order-shipped.
	Shipment *ShipmentInEvent `json:"shipment,omitempty"`
}

// EventAttributes implements event.Attributed.
func (e StatusChanged) EventAttributes() map[string]string { return paymentAttributes(e.Payment) }

// StatusChangedItem is an item of an order whose status changed.
type StatusChangedItem struct {
	ProductID uuid.UUID   `json:"productId"`
	Name      string      `json:"name"`
	Quantity  int64       `json:"quantity"`
	LineTotal money.Money `json:"lineTotal"`
}

// newStatusChanged returns the payload of the event that is published for the order's last
// change of status.
func (o *Order) newStatusChanged(reason string) StatusChanged {
	e := StatusChanged{
		OrderID: o.ID, Number: o.Number, UserID: o.UserID, Reason: reason, Items: []StatusChangedItem{}, Total: o.Total, Payment: o.Payment.inEvent(),
		Email: o.Email, Name: o.Name,
	}
	for _, item := range o.Items {
		e.Items = append(e.Items, StatusChangedItem{ProductID: item.ProductID, Name: item.Name, Quantity: item.Quantity, LineTotal: item.LineTotal})
	}
	if o.quote != nil {
		e.Discount, e.Tax = nonZero(o.Discount), nonZero(o.Tax)
		if o.Shipping != nil {
			e.Shipping = nonZero(o.Shipping.Amount)
		}
		e.TaxIncluded = o.PricesIncludeTax
	}
	if n := len(o.Shipments); o.Status == Shipped && n > 0 {
		e.Shipment = o.newShipmentInEvent(&o.Shipments[n-1])
	}
	return e
}

// nonZero returns an amount, or nil for 0.
func nonZero(m money.Money) *money.Money {
	if m.Amount == 0 {
		return nil
	}
	return &m
}
