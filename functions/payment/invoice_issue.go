package payment

import (
	"cmp"
	"context"

	"github.com/google/uuid"

	"souk/functions/payment/invoice"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/money"
)

// InvoiceIssued is the payload of invoice-issued.
type InvoiceIssued struct {
	InvoiceID uuid.UUID    `json:"invoiceId"`
	OrderID   uuid.UUID    `json:"orderId"`
	UserID    uuid.UUID    `json:"userId"`
	Kind      invoice.Kind `json:"kind"`
	Number    string       `json:"number"`
	Total     money.Money  `json:"total"`
}

var topicInvoiceIssued = event.NewTopic[InvoiceIssued]("invoice-issued", "invoice")

// paymentCaptured contains the fields of the event payment-captured that invoice-issue uses.
type paymentCaptured struct {
	OrderID   uuid.UUID   `json:"orderId"`
	PaymentID string      `json:"paymentId"`
	Amount    money.Money `json:"amount"`
}

// invoiceIssue issues the invoices of captured payments, one for each order.
func (s *service) invoiceIssue(ctx context.Context, tx *database.Tx, messages []function.Message[paymentCaptured]) error {
	sources := make([]source, len(messages))
	for k := range messages {
		m := &messages[k]
		sources[k] = source{
			orderID: m.Payload.OrderID, id: m.Payload.OrderID, context: m.Context,
			payment: invoice.Payment{At: m.Event.Time, Amount: m.Payload.Amount, Reference: cmp.Or(m.Payload.PaymentID, m.Payload.OrderID.String())},
		}
	}
	compose := func(_ context.Context, _ *issuer, o *orderCopy, from *source) (invoice.Document, error) {
		return invoice.New(o.forInvoice(), s.seller, from.payment), nil
	}
	return s.issue(ctx, tx, invoice.Invoice, sources, compose)
}
