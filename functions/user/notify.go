package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/money"
)

// orderEvent is what user-notify reads of the events of an order. Events from
// before items and total were part of them have none.
type orderEvent struct {
	OrderID uuid.UUID    `json:"orderId"`
	UserID  uuid.UUID    `json:"userId"`
	Reason  string       `json:"reason"`
	Items   []orderItem  `json:"items"`
	Total   *money.Money `json:"total"`
}

type orderItem struct {
	Name      string      `json:"name"`
	Quantity  int64       `json:"quantity"`
	LineTotal money.Money `json:"lineTotal"`
}

// news is what a mail says of each event.
type news struct{ Subject, Text string }

var newsOf = map[string]news{
	"order-confirmed": {"Your order is confirmed", "everything you ordered is set aside for you. We tell you when it is on its way."},
	"order-rejected":  {"We could not take your order", "we are sorry: your order could not be taken."},
	"order-cancelled": {"Your order is cancelled", "your order is cancelled. Nothing of it will be sent."},
	"order-shipped":   {"Your order is on its way", "your order has left our house."},
	"order-delivered": {"Your order was delivered", "your order has been delivered. Enjoy it!"},
}

// reasons are what codes mean, for a person.
var reasons = map[string]string{
	"insufficient_stock": "There was not enough in stock.",
	"price_changed":      "A price changed at the moment you ordered. Please look at it, and order again.",
	"by_customer":        "You cancelled it.",
	"by_shop":            "The shop cancelled it.",
	"expired":            "It took too long to be decided.",
}

// orderData is what the mails about orders say.
type orderData struct {
	news

	Name, Reason string
	OrderID      uuid.UUID
	Items        []orderItem
	Total        *money.Money
}

// notify mails customers what happened to their orders.
func (s *service) notify(ctx context.Context, e event.Event, o orderEvent) error {
	return s.deliver(ctx, "user-notify", e, func(ctx context.Context, tx *database.Tx, _ bool) (outgoing, error) {
		owner, err := selectUser(ctx, tx, o.UserID)
		if errors.Is(err, sql.ErrNoRows) { // deleted since
			return outgoing{}, nil
		}
		if err != nil {
			return outgoing{}, fmt.Errorf("read user %s: %w", o.UserID, err)
		}
		content, known := newsOf[e.Type]
		if !known {
			return outgoing{}, fmt.Errorf("there is no mail of %s", e.Type)
		}
		reason, isCode := reasons[o.Reason]
		if !isCode { // the text of whoever cancelled it
			reason = o.Reason
		}
		return outgoing{orderTemplate, recipient{Name: owner.Name, Email: owner.Email}, orderData{
			news: content, Name: owner.Name, Reason: reason, OrderID: o.OrderID, Items: o.Items, Total: o.Total,
		}}, nil
	})
}
