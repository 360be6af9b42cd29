package order

import (
	"time"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/money"
)

// Order is an order of a customer, at the prices of the time when it was placed.
type Order struct {
	ID              uuid.UUID              `json:"id" format:"uuid"`
	UserID          uuid.UUID              `json:"userId" format:"uuid"`
	Status          Status                 `json:"status"`
	Items           []Item                 `json:"items" nullable:"false"`
	Total           money.Money            `json:"total"`
	ShippingAddress *address.PostalAddress `json:"shippingAddress,omitempty" doc:"The address as it was given when the order was placed."`
	History         []Move                 `json:"history" nullable:"false"`
	Version         int64                  `json:"version" doc:"The number of the order's current version. It is also the ETag." example:"2"`
	CreatedAt       time.Time              `json:"createdAt"`
	UpdatedAt       time.Time              `json:"updatedAt"`
}

// Item is one line of an order.
type Item struct {
	ProductID uuid.UUID   `json:"productId" format:"uuid"`
	Name      string      `json:"name" example:"Assam, 250 g"`
	UnitPrice money.Money `json:"unitPrice"`
	Quantity  int64       `json:"quantity" example:"1"`
	LineTotal money.Money `json:"lineTotal"`
}

// Move is one step of an order's history.
type Move struct {
	Status Status    `json:"status"`
	At     time.Time `json:"at"`
	Actor  ActorKind `json:"actor" enum:"customer,shop,system" doc:"The party that changed the status."`
	Reason string    `json:"reason,omitempty" doc:"The reason, for a status that has several possible causes." example:"insufficient_stock"`

	actorID uuid.UUID // stored for audits, never part of a response
}

// Actor is the party that changed an order's status.
type Actor struct {
	Kind ActorKind
	ID   uuid.UUID // the account's id; uuid.Nil for the system
}

// ActorKind is the kind of an Actor, as an order's history shows it.
type ActorKind string

// The kinds of actors.
const (
	Customer ActorKind = "customer"
	Shop     ActorKind = "shop"
	System   ActorKind = "system"
)

// actor returns the caller as an actor: the order's customer, or the shop.
func (o *Order) actor(caller auth.Principal) Actor {
	if caller.UserID == o.UserID {
		return Actor{Kind: Customer, ID: caller.UserID}
	}
	return Actor{Kind: Shop, ID: caller.UserID}
}

// Move changes the order's status, and reports whether its status allowed the change.
func (o *Order) Move(to Status, reason string, by Actor, at time.Time) bool {
	if !o.Status.May(to) {
		return false
	}
	o.Status = to
	o.Version++
	o.UpdatedAt = at
	o.History = append(o.History, Move{Status: to, At: at, Actor: by.Kind, Reason: reason, actorID: by.ID})
	return true
}

// VisibleTo reports whether a caller may see the order. Its customer and admins may. For
// all other callers it does not exist.
func (o *Order) VisibleTo(p auth.Principal) bool {
	return o.UserID == p.UserID || p.Role == auth.Admin
}

// orderResponse is the response that shows one order.
type orderResponse = api.Resource[Order]

func newResponse(o Order) *orderResponse { return &orderResponse{ETag: api.ETag(o.Version), Body: o} }

// Placed is the payload of order-placed, which requests the stock of an order.
type Placed struct {
	OrderID uuid.UUID    `json:"orderId"`
	UserID  uuid.UUID    `json:"userId"`
	Items   []PlacedItem `json:"items"`
	Total   money.Money  `json:"total"`
}

// PlacedItem is one line of a placed order, at the price that the customer was shown.
type PlacedItem struct {
	ProductID uuid.UUID   `json:"productId"`
	Quantity  int64       `json:"quantity"`
	UnitPrice money.Money `json:"unitPrice"`
}

// Decided is the payload of the events of an order's later moves: order-confirmed,
// order-rejected, order-cancelled, order-shipped and order-delivered.
type Decided struct {
	OrderID uuid.UUID `json:"orderId"`
	UserID  uuid.UUID `json:"userId"`
	Reason  string    `json:"reason,omitempty"`
	// Items and Total are for the mail to the customer.
	Items []DecidedItem `json:"items"`
	Total money.Money   `json:"total"`
}

// DecidedItem is one line of an order that moved.
type DecidedItem struct {
	ProductID uuid.UUID   `json:"productId"`
	Name      string      `json:"name"`
	Quantity  int64       `json:"quantity"`
	LineTotal money.Money `json:"lineTotal"`
}

// newDecided returns the payload of the event of the order's last move.
func (o *Order) newDecided(reason string) Decided {
	e := Decided{OrderID: o.ID, UserID: o.UserID, Reason: reason, Items: []DecidedItem{}, Total: o.Total}
	for _, item := range o.Items {
		e.Items = append(e.Items, DecidedItem{ProductID: item.ProductID, Name: item.Name, Quantity: item.Quantity, LineTotal: item.LineTotal})
	}
	return e
}
