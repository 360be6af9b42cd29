package pricing

import (
	"errors"
	"fmt"
)

// Errors of refunds.
var (
	ErrRefundLine     = errors.New("the order has no such line")
	ErrRefundQuantity = errors.New("more units than were ordered and not refunded yet")
	ErrRefundAmount   = errors.New("more than remains to be refunded")
	ErrRefundRequest  = errors.New("name lines or shipping to refund, or an amount, and not both")
)

// RefundRequest is what to refund: units of lines and shipping, or an amount, not both.
type RefundRequest struct {
	Lines    []RefundLine `json:"lines,omitempty"`
	Shipping bool         `json:"shipping,omitempty"` // what remains of it
	Amount   int64        `json:"amount,omitempty"`   // minor units, with tax
}

// RefundLine is a number of units of a line.
type RefundLine struct {
	ID       string `json:"id"`
	Quantity int64  `json:"quantity"`
}

// Refund is a part of a quote that is paid back. Amounts are minor units.
type Refund struct {
	Parts  []RefundPart `json:"parts"`  // the lines in the order of the quote, then shipping
	Taxes  []TaxTotal   `json:"taxes"`  // by ascending rate
	Amount int64        `json:"amount"` // with tax
	Tax    int64        `json:"tax"`
}

// RefundPart is what a refund pays back of a line or of shipping, in minor units.
type RefundPart struct {
	LineID   string `json:"lineId,omitempty"` // "" for shipping
	Quantity int64  `json:"quantity"`         // units of the line, 1 for shipping; 0 in a refund by amount
	TaxRate  Rate   `json:"taxRate"`
	Amount   int64  `json:"amount"` // with tax
	Tax      int64  `json:"tax"`
}

// NewRefund returns the next refund of a quote, of which an amount was captured and earlier
// refunds, in their order, were paid back. All refunds together never exceed what was captured
// or the total. Refunds that pay everything back add up to the total and the taxes of the quote,
// in every order and of both kinds.
func NewRefund(quote Quote, captured int64, earlier []Refund, request RefundRequest) (Refund, error) {
	balances := newBalances(&quote)
	refunded, err := applyRefunds(balances, earlier)
	if err != nil {
		return Refund{}, err
	}
	byAmount := request.Amount != 0
	byUnits := request.Shipping || len(request.Lines) > 0
	if byAmount == byUnits {
		return Refund{}, ErrRefundRequest
	}
	var parts []RefundPart
	if byAmount {
		parts, err = refundAmount(balances, request.Amount)
	} else {
		parts, err = refundUnits(balances, request)
	}
	if err != nil {
		return Refund{}, err
	}
	refund := newRefund(parts)
	if refund.Amount > captured-refunded {
		return Refund{}, fmt.Errorf("refund %d after %d of the captured %d: %w", refund.Amount, refunded, captured, ErrRefundAmount)
	}
	return refund, nil
}

// applyRefunds subtracts earlier refunds from balances and returns their sum.
func applyRefunds(balances []balance, earlier []Refund) (sum int64, err error) {
	for i := range earlier {
		for _, part := range earlier[i].Parts {
			b := find(balances, part.LineID)
			if b == nil {
				return 0, fmt.Errorf("earlier refund %d: line %q: %w", i, part.LineID, ErrRefundLine)
			}
			if !b.apply(part) {
				return 0, fmt.Errorf("earlier refund %d: line %q: %w", i, part.LineID, ErrRefundAmount)
			}
			sum += part.Amount
		}
	}
	return sum, nil
}

func newRefund(parts []RefundPart) Refund {
	refund := Refund{Parts: parts}
	for _, part := range parts {
		refund.Amount += part.Amount
		refund.Tax += part.Tax
		refund.Taxes = addTax(refund.Taxes, part.TaxRate, part.Amount-part.Tax, part.Tax)
	}
	return refund
}

// refundUnits returns the parts of a refund of lines and shipping.
func refundUnits(balances []balance, request RefundRequest) ([]RefundPart, error) {
	units := map[string]int64{}
	if request.Shipping {
		units[""] = 1
	}
	for _, line := range request.Lines {
		b := find(balances, line.ID)
		switch {
		case line.ID == "" || b == nil:
			return nil, fmt.Errorf("line %q: %w", line.ID, ErrRefundLine)
		case line.Quantity < 1 || line.Quantity > b.quantity-b.units-units[line.ID]:
			return nil, fmt.Errorf("line %s: %d units: %w", line.ID, line.Quantity, ErrRefundQuantity)
		}
		units[line.ID] += line.Quantity
	}
	if shipping := find(balances, ""); request.Shipping && (shipping == nil || shipping.units > 0) {
		return nil, fmt.Errorf("shipping: %w", ErrRefundQuantity)
	}
	var parts []RefundPart
	for i := range balances {
		if b := &balances[i]; units[b.id] > 0 {
			parts = append(parts, b.part(units[b.id], b.worth(units[b.id])))
		}
	}
	return parts, nil
}

// refundAmount returns the parts of a refund of an amount, which is divided among all lines
// and shipping in proportion to what remains of them.
func refundAmount(balances []balance, amount int64) ([]RefundPart, error) {
	var remaining int64
	portions := make([]portion, len(balances))
	for i := range balances {
		portions[i] = portion{balances[i].id, balances[i].gross - balances[i].amount}
		remaining += portions[i].weight
	}
	if amount < 1 || amount > remaining {
		return nil, fmt.Errorf("%d of %d: %w", amount, remaining, ErrRefundAmount)
	}
	var parts []RefundPart
	for i, part := range allocate(amount, portions) {
		if part > 0 {
			parts = append(parts, balances[i].part(0, part))
		}
	}
	return parts, nil
}
