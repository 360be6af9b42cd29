package pricing_test

import (
	"errors"
	"fmt"
	"slices"

	"souk/shared/pricing"
)

// checkRefunds refunds a quote in random parts. If everything was captured, the parts must add
// up to the quote, otherwise they must not exceed what was captured.
func checkRefunds(g generator, _ pricing.Cart, _ pricing.Settings, q pricing.Quote) error {
	captured := q.Total
	if g.oneIn(4) {
		captured = g.Int64N(q.Total + 1)
	}
	left, amount := newRemainders(&q), q.Total
	var refunds []pricing.Refund
	for step := 0; ; step++ {
		request := g.refundRequest(left, amount, step >= 5)
		if request.Amount == 0 && !request.Shipping && len(request.Lines) == 0 {
			if amount == 0 {
				break
			}
			continue
		}
		refund, err := pricing.NewRefund(q, captured, refunds, request)
		if errors.Is(err, pricing.ErrRefundAmount) && captured < q.Total {
			return nil // It would have exceeded what was captured.
		}
		if err != nil {
			return fmt.Errorf("refund %+v after %+v: %w", request, refunds, err)
		}
		if err := checkRefund(refund, request); err != nil {
			return fmt.Errorf("refund %+v for %+v after %+v: %w", refund, request, refunds, err)
		}
		refunds = append(refunds, refund)
		amount -= refund.Amount
		if amount < q.Total-captured {
			return fmt.Errorf("refunds %+v exceed the captured %d", refunds, captured)
		}
		for _, part := range refund.Parts {
			line := &left[slices.IndexFunc(left, func(r remainder) bool { return r.id == part.LineID })]
			line.units -= part.Quantity
			line.amount -= part.Amount
			if line.amount < 0 || line.units == 0 && line.amount != 0 {
				return fmt.Errorf("refunds %+v leave %d of the %d units of %q", refunds, line.amount, line.units, line.id)
			}
		}
	}
	return checkRefunded(q, refunds)
}

func newRemainders(q *pricing.Quote) []remainder {
	var left []remainder
	for _, line := range q.Lines {
		left = append(left, remainder{line.ID, line.Quantity, line.Gross})
	}
	if q.Shipping.Problem == "" {
		left = append(left, remainder{"", 1, q.Shipping.Gross})
	}
	return left
}

// checkRefund checks that the parts of a refund add up and are not negative.
func checkRefund(refund pricing.Refund, request pricing.RefundRequest) error {
	var amount, tax int64
	for _, part := range refund.Parts {
		if part.Tax < 0 || part.Tax > part.Amount {
			return fmt.Errorf("tax %d of %d", part.Tax, part.Amount)
		}
		amount, tax = amount+part.Amount, tax+part.Tax
	}
	var byRate pricing.TaxTotal
	for _, t := range refund.Taxes {
		byRate.Net, byRate.Tax, byRate.Gross = byRate.Net+t.Net, byRate.Tax+t.Tax, byRate.Gross+t.Gross
	}
	if refund.Amount != amount || refund.Tax != tax || byRate != (pricing.TaxTotal{Net: amount - tax, Tax: tax, Gross: amount}) {
		return fmt.Errorf("parts of %d with tax %d, by rate %+v", amount, tax, byRate)
	}
	if request.Amount != 0 && request.Amount != amount {
		return fmt.Errorf("want %d", request.Amount)
	}
	return nil
}

// checkRefunded checks that refunds of everything add up to a quote.
func checkRefunded(q pricing.Quote, refunds []pricing.Refund) error {
	var amount, tax int64
	byRate := map[pricing.Rate]pricing.TaxTotal{}
	for _, refund := range refunds {
		amount, tax = amount+refund.Amount, tax+refund.Tax
		for _, t := range refund.Taxes {
			sum := byRate[t.Rate]
			byRate[t.Rate] = pricing.TaxTotal{Rate: t.Rate, Net: sum.Net + t.Net, Tax: sum.Tax + t.Tax, Gross: sum.Gross + t.Gross}
		}
	}
	for _, want := range q.Taxes {
		if got := byRate[want.Rate]; got != want && want.Gross != 0 {
			return fmt.Errorf("refunds %+v add up to %+v, want %+v", refunds, got, want)
		}
	}
	if amount != q.Total || tax != q.Tax {
		return fmt.Errorf("refunds %+v add up to %d with tax %d, want %d, %d", refunds, amount, tax, q.Total, q.Tax)
	}
	return nil
}

// checkUnits refunds the units of a line in random parts. After each, the rounded share of the
// refunded units must be refunded, of the amount and of the tax.
func checkUnits(g generator, _ pricing.Cart, _ pricing.Settings, q pricing.Quote) error {
	if len(q.Lines) == 0 {
		return nil
	}
	line := oneOf(g, q.Lines...)
	var refunds []pricing.Refund
	var amount, tax int64
	for refunded := int64(0); refunded < line.Quantity; {
		quantity := 1 + g.Int64N(line.Quantity-refunded)
		refund, err := pricing.NewRefund(q, q.Total, refunds, units(line.ID, quantity))
		if err != nil {
			return err
		}
		refunds = append(refunds, refund)
		refunded, amount, tax = refunded+quantity, amount+refund.Amount, tax+refund.Tax
		wantAmount := round(line.Gross, refunded, line.Quantity)
		if wantTax := round(line.Tax, wantAmount, line.Gross); amount != wantAmount || tax != wantTax {
			return fmt.Errorf("%d of %d units of %+v: refunded %d with tax %d, want %d, %d", refunded, line.Quantity, line, amount, tax, wantAmount, wantTax)
		}
	}
	return nil
}
