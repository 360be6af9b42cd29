package payment

import (
	"maps"
	"slices"
)

// Totals are the sums of all payments in a currency, in minor units.
type Totals struct {
	Currency string `json:"currency"`
	Captured int64  `json:"captured"`
	Refunded int64  `json:"refunded"`
	// Balance is what was captured and not refunded.
	Balance int64 `json:"balance"`
}

// book adds a change to the totals of a currency.
func (p *Provider) book(currency string, captured, refunded int64) {
	if captured == 0 && refunded == 0 {
		return
	}
	t := p.books[currency]
	if t == nil {
		t = &Totals{Currency: currency}
		p.books[currency] = t
	}
	t.Captured += captured
	t.Refunded += refunded
	t.Balance = t.Captured - t.Refunded
}

// Books returns the totals of each currency with captured amounts, by code.
func (p *Provider) Books() []Totals {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advance()
	totals := []Totals{}
	for _, currency := range slices.Sorted(maps.Keys(p.books)) {
		totals = append(totals, *p.books[currency])
	}
	return totals
}
