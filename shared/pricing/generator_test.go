package pricing_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"souk/shared/money"
	"souk/shared/pricing"
)

// generator generates random carts and settings. Values at which arithmetic goes wrong are more
// frequent than others: 0, 1, equal lines, 0 % and 100 %, amounts near money.Max.
type generator struct{ *rand.Rand }

// newGenerator returns the generator of a seed.
func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 0))} }

// oneOf returns one of the values.
func oneOf[T any](g generator, values ...T) T { return values[g.IntN(len(values))] }

// oneIn reports true in one of n cases.
func (g generator) oneIn(n int) bool { return g.IntN(n) == 0 }

// amount returns an amount in minor units.
func (g generator) amount() int64 {
	return oneOf(g, 0, 1, 5, 100, g.Int64N(10), g.Int64N(1000), g.Int64N(100_000), g.Int64N(100_000), g.Int64N(1_000_000_000))
}

// rate returns a rate from 0 to 100 %.
func (g generator) rate() pricing.Rate {
	return oneOf(g, 0, 1, 50_000, 70_000, 88_750, 190_000, 200_000, 333_333, 500_000, 999_999, pricing.MaxRate, pricing.Rate(g.Int64N(int64(pricing.MaxRate)+1)))
}

var (
	countries  = []string{"DE", "US"}
	regions    = []string{"", "BE", "NY"}
	classes    = []string{"", "food", "books"}
	categories = []string{"", "tea", "pots"}
	codes      = []string{"ONE", "TWO", "THREE", "FOUR"}
)

func (g generator) settings() pricing.Settings {
	s := pricing.Settings{Currency: oneOf(g, "EUR", "JPY", "KWD"), PricesIncludeTax: g.oneIn(2)}
	for _, country := range countries {
		for _, region := range regions {
			for _, class := range classes {
				if g.oneIn(2) {
					s.TaxRates = append(s.TaxRates, pricing.TaxRate{Country: country, Region: region, Class: class, Rate: g.rate()})
				}
			}
		}
	}
	s.Zones = []pricing.Zone{{Areas: []pricing.Area{{Country: "DE"}}, Methods: g.methods()}}
	if g.oneIn(2) {
		s.Zones = append(s.Zones, pricing.Zone{Areas: []pricing.Area{{}, {Country: "DE", PostalPrefix: "1"}}, Methods: g.methods()})
	}
	for i := range g.IntN(5) {
		s.Discounts = append(s.Discounts, g.discount(i))
	}
	return s
}

func (g generator) methods() (methods []pricing.Method) {
	for i := range g.IntN(4) {
		m := pricing.Method{ID: fmt.Sprint("m", i), TaxClass: oneOf(g, classes...), Basis: oneOf(g, pricing.Flat, pricing.ByTotal, pricing.ByWeight)}
		if g.oneIn(3) {
			m.FreeFrom = g.amount()
		}
		if m.Basis != pricing.Flat {
			m.Tiers = []pricing.Tier{{UpTo: 1 + g.Int64N(1000), Price: g.amount()}, {UpTo: 1001 + g.Int64N(10_000), Price: g.amount()}}
		}
		if m.Basis == pricing.Flat || g.oneIn(2) {
			m.Tiers = append(m.Tiers, pricing.Tier{Price: g.amount()})
		}
		methods = append(methods, m)
	}
	return methods
}

func (g generator) discount(i int) pricing.Discount {
	d := pricing.Discount{
		ID: fmt.Sprint("d", i), Kind: oneOf(g, pricing.PercentOff, pricing.PercentOff, pricing.AmountOff, pricing.AmountOff, pricing.FreeShipping),
		Rate: max(1, g.rate()), Amount: max(1, g.amount()), Exclusive: g.oneIn(6),
	}
	if g.oneIn(2) {
		d.Code = codes[i%len(codes)]
	}
	if g.oneIn(4) {
		d.LineIDs = []string{fmt.Sprint("l", g.IntN(9)), fmt.Sprint("l", g.IntN(9))}
	}
	if g.oneIn(4) {
		d.Categories = categories[1 : 2+g.IntN(2)]
	}
	if g.oneIn(4) {
		d.MinimumTotal = g.amount()
	}
	if g.oneIn(8) {
		d.MaxUses, d.MaxUsesPerCustomer = g.Int64N(3), g.Int64N(3)
	}
	if g.oneIn(8) {
		d.From, d.Until = now.Add(-time.Hour), now.Add(time.Duration(g.IntN(2))*time.Hour)
	}
	return d
}

func (g generator) cart(currency string) pricing.Cart {
	cart := pricing.Cart{
		Currency: currency, Time: now,
		Destination:    pricing.Destination{Country: oneOf(g, "DE", "DE", "US", "FR", ""), Region: oneOf(g, regions...), PostalCode: oneOf(g, "", "10115", "20095")},
		ShippingMethod: oneOf(g, "m0", "m0", "m1", "m2", ""),
		Uses:           map[string]pricing.Uses{"d0": {Total: g.Int64N(3), Customer: g.Int64N(2)}},
	}
	for _, code := range append([]string{"UNKNOWN"}, codes...) {
		if g.oneIn(2) {
			cart.Codes = append(cart.Codes, code)
		}
	}
	for i := range g.IntN(9) {
		line := pricing.CartLine{
			ID: fmt.Sprint("l", i), Category: oneOf(g, categories...), TaxClass: oneOf(g, classes...),
			UnitPrice: g.amount(), Quantity: oneOf(g, 1, 1, 2, 3, 7, 1+g.Int64N(1000)), Weight: g.Int64N(2000),
		}
		if i > 0 && g.oneIn(4) { // a line that differs by its id and class only
			twin := cart.Lines[i-1]
			twin.ID, twin.TaxClass = line.ID, line.TaxClass
			line = twin
		}
		if g.oneIn(400) {
			line.UnitPrice = money.Max - g.Int64N(3)
			line.Quantity = 1 + g.Int64N(2)
		}
		cart.Lines = append(cart.Lines, line)
	}
	return cart
}

// refundRequest returns a request for a random part of what was not refunded of a quote, or for
// all of it if it is the last one.
func (g generator) refundRequest(left []remainder, amount int64, last bool) pricing.RefundRequest {
	var request pricing.RefundRequest
	for _, line := range left {
		units := line.units
		if !last && units > 0 {
			units = g.Int64N(units + 1)
		}
		switch {
		case units == 0:
		case line.id == "":
			request.Shipping = true
		default:
			request.Lines = append(request.Lines, pricing.RefundLine{ID: line.id, Quantity: units})
		}
	}
	byUnits := request.Shipping || len(request.Lines) > 0
	if amount > 0 && (!byUnits || g.oneIn(3) || last && g.oneIn(2)) {
		if !last {
			amount = oneOf(g, 1, amount, 1+g.Int64N(amount))
		}
		return pricing.RefundRequest{Amount: amount}
	}
	return request
}

// remainder is what was not refunded of a line, or of shipping.
type remainder struct {
	id     string // "" for shipping
	units  int64
	amount int64 // with tax
}
