package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"souk/functions/payment/invoice"
	"souk/shared/database"
	"souk/shared/function"
	"souk/shared/money"
	"souk/shared/pricing"
)

// paymentRefunded contains the fields of the event payment-refunded that credit-note-issue uses.
type paymentRefunded struct {
	OrderID  uuid.UUID   `json:"orderId"`
	RefundID uuid.UUID   `json:"refundId"`
	Amount   money.Money `json:"amount"`
}

// creditNoteIssue issues the credit notes of refunds, one for each refund.
func (s *service) creditNoteIssue(ctx context.Context, tx *database.Tx, messages []function.Message[paymentRefunded]) error {
	sources := make([]source, len(messages))
	for k := range messages {
		m := &messages[k]
		sources[k] = source{
			orderID: m.Payload.OrderID, id: m.Payload.RefundID, context: m.Context,
			payment: invoice.Payment{At: m.Event.Time, Amount: m.Payload.Amount, Reference: m.Payload.RefundID.String()},
		}
	}
	return s.issue(ctx, tx, invoice.CreditNote, sources, composeCreditNote)
}

// errNoInvoice is the error of an event that is delivered again, because payment-captured is on the
// way.
var errNoInvoice = errors.New("the order's invoice is not issued yet")

// composeCreditNote returns the credit note of a refund. Its buyer is that of the invoice, also if
// the account was deleted since.
func composeCreditNote(ctx context.Context, i *issuer, o *orderCopy, from *source) (invoice.Document, error) {
	corrected, exists := i.existing[invoiceKey{invoice.Invoice, from.orderID}]
	if !exists {
		return invoice.Document{}, errNoInvoice
	}
	order := o.forInvoice()
	content, err := refundContent(ctx, i.tx, &order.Quote, from)
	if err != nil {
		return invoice.Document{}, err
	}
	document := invoice.NewCreditNote(order, content, i.seller, from.payment, invoice.Reference{Number: corrected.Number, IssuedAt: corrected.IssuedAt})
	document.Buyer, document.ShippingAddress = corrected.Buyer, corrected.ShippingAddress
	return document, nil
}

// refundContent returns what the refund of a credit note pays back of each line.
func refundContent(ctx context.Context, tx *database.Tx, quote *pricing.Quote, from *source) (pricing.Refund, error) {
	refunds, err := selectRefunds(ctx, tx, from.orderID)
	if err != nil {
		return pricing.Refund{}, err
	}
	at := slices.IndexFunc(refunds, func(r *refund) bool { return r.id == from.id })
	if at < 0 {
		return pricing.Refund{}, fmt.Errorf("refund %s: %w", from.id, database.ErrNotFound)
	}
	// The invoice is of the total, whatever was captured.
	earlier, err := refundContents(quote, quote.Total, refunds[:at])
	if err != nil {
		return pricing.Refund{}, err
	}
	return refunds[at].contentAfter(earlier, quote, quote.Total)
}
