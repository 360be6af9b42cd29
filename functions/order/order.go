package order

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/money"
)

// Order is what a customer asked for, at the prices of that moment.
type Order struct {
	ID              uuid.UUID              `json:"id" format:"uuid"`
	UserID          uuid.UUID              `json:"userId" format:"uuid"`
	Status          Status                 `json:"status" enum:"pending,confirmed,shipped,delivered,rejected,cancelled"`
	Items           []Item                 `json:"items" nullable:"false"`
	Total           money.Money            `json:"total"`
	ShippingAddress *address.PostalAddress `json:"shippingAddress,omitempty" doc:"As it was when the order was placed."`
	History         []Move                 `json:"history" nullable:"false"`
	Version         int64                  `json:"version" doc:"Counts the changes." example:"2"`
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
	Status Status    `json:"status" enum:"pending,confirmed,shipped,delivered,rejected,cancelled"`
	At     time.Time `json:"at"`
	Actor  ActorKind `json:"actor" enum:"customer,shop,system" doc:"Who brought it there."`
	Reason string    `json:"reason,omitempty" doc:"Why, where a step has more than one possible cause." example:"insufficient_stock"`

	actorID uuid.UUID // kept for the shop, shown to nobody
}

// Actor is who brought an order to a state.
type Actor struct {
	Kind ActorKind
	ID   uuid.UUID // of the account; none for the system
}

// ActorKind is who brought an order to a state, as its history shows.
type ActorKind string

// The kinds of actors.
const (
	Customer ActorKind = "customer"
	Shop     ActorKind = "shop"
	System   ActorKind = "system"
)

// actor returns what a caller is to the order.
func (o *Order) actor(caller auth.Principal) Actor {
	if caller.UserID == o.UserID {
		return Actor{Kind: Customer, ID: caller.UserID}
	}
	return Actor{Kind: Shop, ID: caller.UserID}
}

// Status is where an order stands.
type Status string

// The states of an order.
const (
	Pending   Status = "pending"   // placed, and not known yet whether there is stock
	Confirmed Status = "confirmed" // its stock is reserved
	Shipped   Status = "shipped"
	Delivered Status = "delivered"
	Rejected  Status = "rejected" // the shop could not take it
	Cancelled Status = "cancelled"
)

// moves is every move that an order may make.
var moves = map[Status][]Status{
	Pending:   {Confirmed, Rejected, Cancelled},
	Confirmed: {Shipped, Cancelled},
	Shipped:   {Delivered},
}

// May says whether an order may go from one state to another.
func (s Status) May(to Status) bool { return slices.Contains(moves[s], to) }

// Move brings the order to a state, if it may go there, and says whether it did.
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

// VisibleTo says whether someone may see the order: its owner and admins may. For
// all others it does not exist.
func (o *Order) VisibleTo(p auth.Principal) bool {
	return o.UserID == p.UserID || p.Role == auth.Admin
}

// answer is the answer that shows one order.
type answer = api.Resource[Order]

func show(o Order) *answer { return &answer{ETag: api.ETag(o.Version), Body: o} }

// Placed is the event that asks for the stock of an order.
type Placed struct {
	OrderID uuid.UUID    `json:"orderId"`
	UserID  uuid.UUID    `json:"userId"`
	Items   []PlacedItem `json:"items"`
	Total   money.Money  `json:"total"`
}

// PlacedItem is one line of a placed order, at the price the customer was told.
type PlacedItem struct {
	ProductID uuid.UUID   `json:"productId"`
	Quantity  int64       `json:"quantity"`
	UnitPrice money.Money `json:"unitPrice"`
}

// Decided is the event that an order moved: it was confirmed, rejected, cancelled,
// shipped or delivered.
type Decided struct {
	OrderID uuid.UUID `json:"orderId"`
	UserID  uuid.UUID `json:"userId"`
	Reason  string    `json:"reason,omitempty"`
	// Items and Total are for who tells the customer.
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

// decided is the event that tells of the order as it is now.
func (o *Order) decided(reason string) Decided {
	e := Decided{OrderID: o.ID, UserID: o.UserID, Reason: reason, Items: []DecidedItem{}, Total: o.Total}
	for _, item := range o.Items {
		e.Items = append(e.Items, DecidedItem{ProductID: item.ProductID, Name: item.Name, Quantity: item.Quantity, LineTotal: item.LineTotal})
	}
	return e
}
