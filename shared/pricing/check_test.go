package pricing_test

import (
	"testing"

	"souk/shared/pricing"
)

func TestQuoteCheck(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		g := newGenerator(seed)
		settings := g.settings()
		if quote, err := pricing.NewQuote(g.cart(settings.Currency), settings); err == nil && quote.Check() != nil {
			t.Errorf("seed %d: %v", seed, quote.Check())
		}
	}
	for name, change := range map[string]func(*pricing.Quote){
		"a total":             func(q *pricing.Quote) { q.Total++ },
		"a subtotal":          func(q *pricing.Quote) { q.Subtotal-- },
		"a price":             func(q *pricing.Quote) { q.Lines[0].UnitPrice++ },
		"a quantity":          func(q *pricing.Quote) { q.Lines[1].Quantity++ },
		"a tax":               func(q *pricing.Quote) { q.Lines[1].Tax++ },
		"a gross amount":      func(q *pricing.Quote) { q.Shipping.Gross++ },
		"a discount":          func(q *pricing.Quote) { q.Discounts[0].Amount-- },
		"the tax of a rate":   func(q *pricing.Quote) { q.Taxes[0].Tax-- },
		"a negative part":     func(q *pricing.Quote) { q.Lines[0].Net, q.Lines[0].Tax = q.Lines[0].Gross+1, -1 },
		"the prices' meaning": func(q *pricing.Quote) { q.PricesIncludeTax = false },
	} {
		t.Run(name+" that does not add up is found", func(t *testing.T) {
			t.Parallel()
			cart, settings := documented()
			quote := mustQuote(t, cart, settings)
			change(&quote)
			if quote.Check() == nil {
				t.Error("nothing is found")
			}
		})
	}
}
