package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/money"
)

// orderEvent is the part of an order's events that user-notify reads. Events of older
// versions have neither items nor total.
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

// orderNotice is the subject and the text of a mail about an order.
type orderNotice struct{ Subject, Text string }

// orderNotices maps the type of an event to its notice.
var orderNotices = map[string]orderNotice{
	"order-confirmed": {"Your order is confirmed", "everything you ordered is reserved for you. You will receive another mail when it is shipped."},
	"order-rejected":  {"We could not accept your order", "we are sorry, but we could not accept your order."},
	"order-cancelled": {"Your order is cancelled", "your order is cancelled. Nothing will be sent."},
	"order-shipped":   {"Your order is on its way", "your order has been shipped."},
	"order-delivered": {"Your order was delivered", "your order has been delivered. Enjoy it!"},
}

// reasonTexts maps the code of a reason to its text in a mail.
var reasonTexts = map[string]string{
	"insufficient_stock": "There was not enough in stock.",
	"price_changed":      "A price changed while you were ordering. Please check it and order again.",
	"by_customer":        "You cancelled it.",
	"by_shop":            "The shop cancelled it.",
	"expired":            "It could not be processed in time.",
}

// orderData is the data of the mails about orders.
type orderData struct {
	orderNotice

	Name, Reason string
	OrderID      uuid.UUID
	Items        []orderItem
	Total        *money.Money
}

// notify mails customers about changes of their orders.
func (s *service) notify(ctx context.Context, e event.Event, o orderEvent) error {
	return s.deliver(ctx, "user-notify", e, func(ctx context.Context, tx *database.Tx, _ bool) (outgoingMail, error) {
		if o.UserID == s.syntheticCustomer && s.syntheticCustomer != uuid.Nil {
			return outgoingMail{}, nil // hundreds of mails a day, without a reader
		}
		owner, err := selectUser(ctx, tx, o.UserID)
		if errors.Is(err, database.ErrNotFound) { // the account was deleted
			return outgoingMail{}, nil
		}
		if err != nil {
			return outgoingMail{}, fmt.Errorf("read user %s: %w", o.UserID, err)
		}
		notice, found := orderNotices[e.Type]
		if !found {
			return outgoingMail{}, fmt.Errorf("no mail is defined for %s", e.Type)
		}
		reason, isCode := reasonTexts[o.Reason]
		if !isCode { // free text of the caller that cancelled the order
			reason = o.Reason
		}
		return outgoingMail{orderTemplate, recipient{Name: owner.Name, Email: owner.Email}, orderData{
			orderNotice: notice, Name: owner.Name, Reason: reason, OrderID: o.OrderID, Items: o.Items, Total: o.Total,
		}}, nil
	})
}
