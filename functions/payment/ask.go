package payment

import (
	"context"
	"time"

	"souk/functions/payment/provider"
)

// outcome is the outcome of a step.
type outcome struct {
	payment  provider.Payment
	found    bool // whether there is a payment, without an error
	refundID string
	err      error
}

// ask sends the request of a step to the provider.
func (s *service) ask(ctx context.Context, st step) outcome {
	adapter, err := s.adapter(st.payment.provider)
	if err != nil {
		return outcome{err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, s.settings.RequestTimeout)
	defer cancel()
	p, op := &st.payment, &st.operation
	var out outcome
	switch {
	case st.kind == stepRead:
		out.payment, out.err = adapter.Get(ctx, p.providerID)
	case st.kind == stepFind:
		out.payment, out.found, out.err = find(ctx, adapter, p)
		return out
	case op.kind == opCreate:
		out.payment, out.err = adapter.Create(ctx, provider.Creation{
			Amount: p.amount, Reference: p.orderID.String(), ReturnURL: s.settings.returnURL(p.orderID), Capture: p.mode, Key: op.key(),
		})
	case op.kind == opCapture:
		out.payment, out.err = adapter.Capture(ctx, p.providerID, p.money(op.amount), op.key())
	case op.kind == opVoid:
		out.payment, out.err = adapter.Void(ctx, p.providerID, op.key())
	case op.kind == opRefund:
		var refund provider.Refund
		refund, out.err = adapter.Refund(ctx, p.providerID, p.money(op.amount), op.key())
		out.payment, out.refundID = refund.Payment, refund.ID
	}
	out.found = out.err == nil
	return out
}

// find searches the provider's list for the payment of an order.
func find(ctx context.Context, adapter provider.Provider, p *payment) (provider.Payment, bool, error) {
	query := provider.Query{Since: p.createdAt.Add(-time.Minute)}
	for {
		page, err := adapter.List(ctx, query)
		if err != nil {
			return provider.Payment{}, false, err
		}
		for _, item := range page.Items {
			if item.Reference == p.orderID.String() && item.Amount == p.amount {
				return item, true, nil
			}
		}
		if query.PageToken = page.NextPageToken; query.PageToken == "" {
			return provider.Payment{}, false, nil
		}
	}
}
