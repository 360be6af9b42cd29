package order

import (
	"time"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/money"
)

// Order is a customer's order, with the prices at the time when it was placed.
type Order struct {
	ID              uuid.UUID              `json:"id" format:"uuid"`
	UserID          uuid.UUID              `json:"userId" format:"uuid"`
	Status          Status                 `json:"status"`
	Items           []Item                 `json:"items" nullable:"false"`
	Total           money.Money            `json:"total"`
	ShippingAddress *address.PostalAddress `json:"shippingAddress,omitempty" doc:"The address that was sent when the order was placed. It is absent after the customer's account was deleted."`
	History         []HistoryEntry         `json:"history" nullable:"false"`
	Version         int64                  `json:"version" doc:"The number of the order's current version. It is also the ETag." example:"2"`
	CreatedAt       time.Time              `json:"createdAt"`
	UpdatedAt       time.Time              `json:"updatedAt"`
}

// Item is a product in an order, with its price and quantity.
type Item struct {
	ProductID uuid.UUID   `json:"productId" format:"uuid"`
	Name      string      `json:"name" example:"Assam, 250 g"`
	UnitPrice money.Money `json:"unitPrice"`
	Quantity  int64       `json:"quantity" example:"1"`
	LineTotal money.Money `json:"lineTotal"`
}

// HistoryEntry is a change of an order's status.
type HistoryEntry struct {
	Status Status    `json:"status"`
	At     time.Time `json:"at"`
	Actor  ActorKind `json:"actor" enum:"customer,shop,system" doc:"The party that changed the status."`
	Reason string    `json:"reason,omitempty" doc:"The reason, for a status that has several possible causes." example:"insufficient_stock"`

	actorID uuid.UUID // is stored for audits and not part of responses
}

// Actor is the party that changed an order's status: a user or the system.
type Actor struct {
	Kind ActorKind
	ID   uuid.UUID // of the user's account; uuid.Nil for the system
}

// ActorKind is the kind of an Actor, which is part of an order's history.
type ActorKind string

// The kinds of actors.
const (
	Customer ActorKind = "customer" // the customer who placed the order
	Shop     ActorKind = "shop"     // an admin acting for the shop
	System   ActorKind = "system"   // a function that handles an event or runs on a schedule
)

// actor returns the caller as an actor: the order's customer, or an admin.
func (o *Order) actor(caller auth.Principal) Actor {
	if caller.UserID == o.UserID {
		return Actor{Kind: Customer, ID: caller.UserID}
	}
	return Actor{Kind: Shop, ID: caller.UserID}
}

// changeStatus changes the order's status and adds the change to its history. It returns
// false, and changes nothing, if the order's current status does not allow the change.
func (o *Order) changeStatus(to Status, reason string, actor Actor, at time.Time) bool {
	if !o.Status.CanTransitionTo(to) {
		return false
	}
	o.Status = to
	o.Version++
	o.UpdatedAt = at
	o.History = append(o.History, HistoryEntry{Status: to, At: at, Actor: actor.Kind, Reason: reason, actorID: actor.ID})
	return true
}

// VisibleTo reports whether the caller is the order's customer or an admin. Operations
// respond to other callers as if the order did not exist.
func (o *Order) VisibleTo(p auth.Principal) bool {
	return o.UserID == p.UserID || p.Role == auth.Admin
}

// orderResponse is a response that contains one order.
type orderResponse = api.Resource[Order]

func newResponse(o Order) *orderResponse { return &orderResponse{ETag: api.ETag(o.Version), Body: o} }

// Placed is the payload of order-placed, which requests a stock reservation for an order.
type Placed struct {
	OrderID uuid.UUID    `json:"orderId"`
	UserID  uuid.UUID    `json:"userId"`
	Items   []PlacedItem `json:"items"`
	Total   money.Money  `json:"total"`
}

// PlacedItem is an item of a placed order. The stock reservation fails if the price has
// changed since the order was placed.
type PlacedItem struct {
	ProductID uuid.UUID   `json:"productId"`
	Quantity  int64       `json:"quantity"`
	UnitPrice money.Money `json:"unitPrice"`
}

// StatusChanged is the payload of the events that are published when the status of a placed
// order changes: order-confirmed, order-rejected, order-cancelled, order-shipped and
// order-delivered.
type StatusChanged struct {
	OrderID uuid.UUID `json:"orderId"`
	UserID  uuid.UUID `json:"userId"`
	Reason  string    `json:"reason,omitempty"`
	// Items and Total are for the e-mail to the customer.
	Items []StatusChangedItem `json:"items"`
	Total money.Money         `json:"total"`
}

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
	e := StatusChanged{OrderID: o.ID, UserID: o.UserID, Reason: reason, Items: []StatusChangedItem{}, Total: o.Total}
	for _, item := range o.Items {
		e.Items = append(e.Items, StatusChangedItem{ProductID: item.ProductID, Name: item.Name, Quantity: item.Quantity, LineTotal: item.LineTotal})
	}
	return e
}
