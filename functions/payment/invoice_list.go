package payment

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/functions/payment/invoice"
	"souk/shared/api"
)

type invoiceListInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.PageQuery
}

type invoiceListOutput struct {
	Body api.Page[invoice.Document]
}

// invoiceList handles GET /v1/orders/{id}/invoices.
//
// # List the invoices of an order
//
// The invoice, which is issued when the payment is captured, then the credit notes of refunds,
// oldest first. Customers list those of their own orders, staff those of every order that is paid.
func (s *service) invoiceList(ctx context.Context, in *invoiceListInput) (*invoiceListOutput, error) {
	visible, err := s.orderVisible(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if !visible {
		return nil, api.NotFound("order", in.ID)
	}
	after := uuid.Nil
	if err := in.Cursor(&after); err != nil {
		return nil, err
	}
	documents, err := selectInvoicesOfOrder(ctx, s.DB, in.ID, after, in.Limit())
	if err != nil {
		return nil, err
	}
	page, err := api.NewPage(in.PageQuery, documents, func(d invoice.Document) any { return d.ID })
	if err != nil {
		return nil, fmt.Errorf("list the documents of order %s: %w", in.ID, err)
	}
	return &invoiceListOutput{Body: page}, nil
}
