package order

import (
	"github.com/danielgtaylor/huma/v2"
)

// Payment reports whether an order must be paid before it is confirmed. It is stored with the
// order, so that a change of the setting PAYMENTS does not affect orders that exist.
type Payment string

// The values of Payment.
const (
	NoPayment       Payment = "none"
	PaymentRequired Payment = "required"
)

// Schema implements huma.SchemaProvider with the list of values.
func (Payment) Schema(huma.Registry) *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeString, Enum: []any{string(NoPayment), string(PaymentRequired)}}
	schema.PrecomputeMessages()
	return schema
}

// inEvent returns the value in the payload of an event: "" for an order without payment.
func (p Payment) inEvent() Payment {
	if p == PaymentRequired {
		return p
	}
	return ""
}

// paymentAttributes returns the message attributes of an event with the given payment in its
// payload. The payment service's subscriptions filter by them.
func paymentAttributes(p Payment) map[string]string {
	if p == "" {
		return nil
	}
	return map[string]string{"payment": string(p)}
}

// payment returns whether a new order must be paid. An order for nothing has nothing to pay,
// and those of the synthetic customer test the shop without money.
func (s settings) payment(o *Order) Payment {
	if !bool(s.Payments) || o.Total.Amount == 0 || s.isSynthetic(o.UserID) {
		return NoPayment
	}
	return PaymentRequired
}
