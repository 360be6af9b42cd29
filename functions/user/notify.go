package user

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/money"
)

// orderEvent is the part of an order's events that user-notify reads. Events of older
// versions have neither items nor total.
type orderEvent struct {
	OrderID uuid.UUID    `json:"orderId"`
	Number  string       `json:"number"` // "" in events of older versions
	UserID  uuid.UUID    `json:"userId"`
	Reason  string       `json:"reason"`
	Items   []orderItem  `json:"items"`
	Total   *money.Money `json:"total"`
	orderCharges
	// Payment is paymentRequired for an order that must be paid.
	Payment string `json:"payment"`
	// Email is that of an order that was placed without an account. Its user is the checkout.
	Email string `json:"email"`
	// Shipment is that of shipment-created, and the last one of order-shipped. It is nil in events of
	// older versions.
	Shipment *shipment `json:"shipment"`

	notice *orderNotice // if it is not that of the event's type
}

// paymentRequired is the payment of events of orders that must be paid.
const paymentRequired = "required"

// orderCharges are what lies between the items of an order and its total. They are nil where they
// are zero, and in events of older versions.
type orderCharges struct {
	Discount    *money.Money `json:"discount"`
	Shipping    *money.Money `json:"shipping"`
	Tax         *money.Money `json:"tax"`
	TaxIncluded bool         `json:"taxIncluded"` // in all other amounts
}

type orderItem struct {
	Name      string       `json:"name"`
	Quantity  int64        `json:"quantity"`
	LineTotal *money.Money `json:"lineTotal"` // nil where the mail has no prices
}

// orderNotice is the subject and the text of a mail about an order.
type orderNotice struct{ Subject, Text string }

// orderNotices maps the type of an event to its notice.
var orderNotices = map[string]orderNotice{
	"order-confirmed": {"Your order is confirmed", "everything you ordered is reserved for you. You will receive another mail when it is shipped."},
	"order-rejected":  {"We could not accept your order", "we are sorry, but we could not accept your order."},
	"order-cancelled": {"Your order is cancelled", "your order is cancelled. Nothing will be sent."},
	shipmentCreated:   {"A part of your order is on its way", "a part of your order has been shipped. You will receive another mail when the rest is shipped."},
	orderShipped:      {"Your order is on its way", "your order has been shipped."},
	"order-delivered": {"Your order was delivered", "your order has been delivered. Enjoy it!"},
}

// paidNotices are the notices of orders that must be paid, where they differ. An order that waits
// for its payment is not mailed: its customer is paying. If the customer does not, the
// cancellation is mailed.
var paidNotices = map[string]orderNotice{
	"order-confirmed": {"Your order is confirmed", "your payment was successful, and everything you ordered is reserved for you. You will receive another mail when it is shipped."},
	"order-cancelled": {"Your order is cancelled", "your order is cancelled. Nothing will be sent. If you have paid, you get your money back."},
}

// reasonTexts maps the code of a reason to its text in a mail.
var reasonTexts = map[string]string{
	"insufficient_stock":    "There was not enough in stock.",
	"too_many_unpaid_units": "You, or others on your network, have reserved many units of a product without paying for them. Pay for or cancel those orders, or order fewer.",
	"price_changed":         "A price changed while you were ordering. Please check it and order again.",
	"by_customer":           "You cancelled it.",
	"by_shop":               "The shop cancelled it.",
	"expired":               "It could not be processed in time.",
	"unpaid":                "It was not paid in time. You can order again.",
	"payment_failed":        "The payment was not successful. You can order again.",
}

// orderData is the data of the mails about orders.
type orderData struct {
	orderNotice

	Name, Reason string
	OrderID      uuid.UUID
	Number       string // "" in events of older versions
	Items        []orderItem
	Total        *money.Money
	orderCharges
	// Shipment is the shipment that the mail is about, nil for other mails.
	Shipment *shipment
	// Token gives a guest access to the order. Link is the page that accepts it, "" if the shop
	// has no pages. Both are "" for the owner of an account.
	Token, Link string
}

// guestTokenTTL is how long the token in a mail about an order is valid: longer than it takes to
// ship, return and refund an order.
const guestTokenTTL = 90 * 24 * time.Hour

// notify prepares the mails that notify customers of changes of their orders.
func (s *service) notify(ctx context.Context, tx *database.Tx, messages []*mailMessage[orderEvent]) error {
	ids := make([]uuid.UUID, len(messages))
	for i, m := range messages {
		ids[i] = m.Payload.UserID
	}
	owners, err := selectUsersByID(ctx, tx, ids)
	if err != nil {
		return fmt.Errorf("read %d users from %s: %w", len(ids), ids[0], err)
	}
	for _, m := range messages {
		if isMailedByOrderShipped(m.Event.Type, m.Payload.Shipment) || isClosedByRefund(m.Event.Type, m.Payload.Reason) {
			continue
		}
		m.Mail, err = s.newOrderMail(m.Event, m.Payload, owners, func() (outgoingMail, error) { return s.guestNotice(ctx, tx, m) })
		if err != nil {
			return err
		}
	}
	return nil
}

// newOrderMail returns the mail about an event of an order, to its account or, by toGuest, its guest. It
// is empty for an order of the test customer, whose mails have no reader, and of a deleted account.
func (s *service) newOrderMail(e event.Event, o orderEvent, owners map[uuid.UUID]User, toGuest func() (outgoingMail, error)) (outgoingMail, error) {
	owner, hasAccount := owners[o.UserID]
	switch {
	case o.UserID == s.syntheticCustomer && s.syntheticCustomer != uuid.Nil, !hasAccount && o.Email == "":
		return outgoingMail{}, nil
	case hasAccount:
		return newNotice(e, o, recipient{Name: owner.Name, Email: owner.Email})
	}
	return toGuest()
}

// guestNotice returns the mail about an order without an account, or none if the quota of its address is
// spent. Mails about the confirmation of a paid order and about its shipment are always sent: an attacker
// would have to pay for them.
func (s *service) guestNotice(ctx context.Context, tx *database.Tx, m *mailMessage[orderEvent]) (outgoingMail, error) {
	o := &m.Payload
	free := m.Event.Type == "order-cancelled" || m.Event.Type == "order-rejected" || m.Event.Type == "order-confirmed" && o.Payment != paymentRequired
	if free && m.First {
		allowed, err := guestOrderQuota.spend(ctx, tx, o.Email, s.Now())
		if err != nil {
			return outgoingMail{}, fmt.Errorf("order %s: %w", o.OrderID, err)
		}
		if !allowed {
			slog.WarnContext(ctx, "no mail about a guest's order: the quota of the address is spent", "order", o.OrderID, "event", m.Event.ID)
			return outgoingMail{}, nil
		}
	}
	return s.newGuestNotice(m.Event, *o)
}

// newGuestNotice returns the mail about an event of an order without an account. The address is not
// confirmed: the mail has no text that the guest has entered, who may be an attacker. It has a
// token for the order, which is the same at each attempt.
func (s *service) newGuestNotice(e event.Event, o orderEvent) (outgoingMail, error) {
	if _, isCode := reasonTexts[o.Reason]; !isCode {
		o.Reason = ""
	}
	m, err := newNotice(e, o, recipient{Email: o.Email})
	if err != nil {
		return outgoingMail{}, err
	}
	data, _ := m.Data.(orderData)
	if data.Token, err = s.CheckoutTokens.Sign(o.UserID, e.Time.Add(guestTokenTTL)); err != nil {
		return outgoingMail{}, fmt.Errorf("order %s: %w", o.OrderID, err)
	}
	data.Link = s.link("orders/"+o.OrderID.String(), data.Token)
	m.Data = data
	return m, nil
}

// newNotice returns the mail about an event of an order.
func newNotice(e event.Event, o orderEvent, to recipient) (outgoingMail, error) {
	notice, found := orderNotices[e.Type]
	if o.notice != nil {
		notice, found = *o.notice, true
	}
	if !found {
		return outgoingMail{}, fmt.Errorf("no mail is defined for %s", e.Type)
	}
	if paid, differs := paidNotices[e.Type]; differs && o.Payment == paymentRequired {
		notice = paid
	}
	if o.isRest(e.Type) {
		notice = restNotice
	}
	if o.isRest(e.Type) || e.Type == shipmentCreated {
		o.Items, o.Total, o.orderCharges = o.Shipment.items(), nil, orderCharges{}
	}
	reason, isCode := reasonTexts[o.Reason]
	if !isCode { // free text of the caller that cancelled the order
		reason = o.Reason
	}
	return outgoingMail{Kind: orderTemplate, To: to, Data: orderData{
		orderNotice: notice, Name: to.Name, Reason: reason, OrderID: o.OrderID, Number: o.Number, Items: o.Items, Total: o.Total, orderCharges: o.orderCharges,
		Shipment: o.Shipment,
	}}, nil
}
