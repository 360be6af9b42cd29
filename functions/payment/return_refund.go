package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/pricing"
)

// returnReceived contains the fields of the event return-received that return-refund uses.
type returnReceived struct {
	OrderID        uuid.UUID      `json:"orderId"`
	ReturnID       uuid.UUID      `json:"returnId"`
	Lines          []returnedLine `json:"lines"`
	Refund         bool           `json:"refund"`
	RefundShipping bool           `json:"refundShipping"`
	Payment        string         `json:"payment"`
}

type returnedLine struct {
	ProductID uuid.UUID `json:"productId"`
	Quantity  int64     `json:"quantity"`
}

// reasonReturned is the reason of the refund of a return.
const reasonReturned = "returned"

// returnRefund refunds the units of a return that the shop has received, if it has decided so. The
// refund has the id of the return, so that there is one. It fails before the payment is captured,
// while the amount is with the bank, and before the order's prices are known, so that the event is
// redelivered.
func (s *service) returnRefund(ctx context.Context, e event.Event, in returnReceived) error {
	if in.Payment != paymentRequired {
		return nil
	}
	if in.OrderID == uuid.Nil || in.ReturnID == uuid.Nil {
		return errors.New("event has no orderId or no returnId")
	}
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		first, err := event.RecordProcessed(ctx, tx, "return-refund", e, s.Now())
		if err != nil || !first || !in.Refund {
			return err
		}
		a, err := lockAccount(ctx, tx, in.OrderID)
		if err != nil {
			return err
		}
		r, err := s.newReturnRefund(ctx, tx, a, in)
		if err != nil || r == nil {
			return err
		}
		a.addRefund(r)
		a.add(opRefund, r.id, r.amount, r.createdAt)
		a.continueAt(r.createdAt)
		return s.save(ctx, tx, a)
	})
	if err != nil {
		return fmt.Errorf("refund return %s of order %s: %w", in.ReturnID, in.OrderID, err)
	}
	if !in.Refund {
		return nil
	}
	return s.driveForEvent(ctx, e, in.OrderID)
}

// newReturnRefund returns the refund of a return, nil if nothing of it remains to be refunded. It does
// not restock: stock-restock gets return-received itself, also of orders without a payment.
func (s *service) newReturnRefund(ctx context.Context, tx *database.Tx, a *account, in returnReceived) (*refund, error) {
	switch {
	case a.refunds[in.ReturnID] != nil:
		return nil, nil //nolint:nilnil // as documented
	case a.state.IsFinal():
		slog.WarnContext(ctx, "nothing remains to be refunded for a return", "order", a.orderID, "return", in.ReturnID, "payment", a.state)
		return nil, nil //nolint:nilnil // as documented
	case !a.state.isRefundable():
		return nil, event.Later(fmt.Errorf("the payment is %s", a.state))
	}
	quote, earlier, err := readRefunded(ctx, tx, a)
	if err != nil {
		return nil, err
	}
	if quote == nil {
		return nil, event.Later(errors.New("the prices of the order's lines are not known"))
	}
	content, err := priceReturn(quote, a.captured, a.refundable()-a.reserved(), earlier, in)
	if err != nil {
		return nil, err
	}
	if content.Amount == 0 {
		slog.WarnContext(ctx, "nothing remains to be refunded for a return", "order", a.orderID, "return", in.ReturnID)
		return nil, nil //nolint:nilnil // as documented
	}
	return &refund{
		id: in.ReturnID, orderID: a.orderID, state: RefundRequested, source: sourceReturned, amount: content.Amount, content: &content,
		reason: reasonReturned, createdAt: s.Now(),
	}, nil
}

// priceReturn returns what the refund of a return pays back. Units and shipping that were refunded
// before are not refunded again. If refunds of amounts have left less than the units are worth, it
// is that.
func priceReturn(quote *pricing.Quote, captured, available int64, earlier []pricing.Refund, in returnReceived) (pricing.Refund, error) {
	request := remainingUnits(quote, earlier, in)
	if len(request.Lines) == 0 && !request.Shipping || available <= 0 {
		return pricing.Refund{}, nil
	}
	content, err := pricing.NewRefund(*quote, captured, earlier, request)
	if errors.Is(err, pricing.ErrRefundAmount) || err == nil && content.Amount > available {
		content, err = pricing.NewRefund(*quote, captured, earlier, pricing.RefundRequest{Amount: available})
	}
	if err != nil {
		return pricing.Refund{}, fmt.Errorf("compute the refund: %w", err)
	}
	return content, nil
}

// remainingUnits returns the units and the shipping of a return that were not refunded.
func remainingUnits(quote *pricing.Quote, earlier []pricing.Refund, in returnReceived) (request pricing.RefundRequest) {
	refunded := map[string]int64{}
	for i := range earlier {
		for _, part := range earlier[i].Parts {
			refunded[part.LineID] += part.Quantity
		}
	}
	ordered := map[string]int64{}
	for i := range quote.Lines {
		ordered[quote.Lines[i].ID] += quote.Lines[i].Quantity
	}
	for _, line := range in.Lines {
		id := line.ProductID.String()
		if units := min(line.Quantity, ordered[id]-refunded[id]); units > 0 {
			request.Lines = append(request.Lines, pricing.RefundLine{ID: id, Quantity: units})
		}
	}
	request.Shipping = in.RefundShipping && refunded[""] == 0 && quote.Shipping.Problem == ""
	return request
}
