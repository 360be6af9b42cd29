package pricing_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/money"
	"souk/shared/pricing"
)

// oneLine returns a cart with one line, and settings with one tax rate and without shipping.
func oneLine(currency string, unitPrice, quantity int64, rate pricing.Rate, included bool) (pricing.Cart, pricing.Settings) {
	cart := pricing.Cart{
		Currency: currency, Time: now, Destination: pricing.Destination{Country: "DE"},
		Lines: []pricing.CartLine{{ID: "a", UnitPrice: unitPrice, Quantity: quantity}},
	}
	return cart, pricing.Settings{Currency: currency, PricesIncludeTax: included, TaxRates: []pricing.TaxRate{{Country: "DE", Rate: rate}}}
}

func TestTax(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		currency            string
		unitPrice, quantity int64
		rate                pricing.Rate
		included            bool
		net, tax            int64
	}{
		"19 % is in the price":                   {"EUR", 11900, 1, 190_000, true, 10000, 1900},
		"19 % is added to the price":             {"EUR", 10000, 1, 190_000, false, 10000, 1900},
		"half a cent is rounded up":              {"EUR", 50, 1, 10_000, false, 50, 1},
		"less than half a cent is rounded down":  {"EUR", 49, 1, 10_000, false, 49, 0},
		"half a cent in the price is rounded up": {"EUR", 3, 1, 200_000, true, 2, 1}, // 3 × 0.2 / 1.2 = 0.5
		"a line is rounded, not a unit":          {"EUR", 10, 10, 50_000, false, 100, 5},
		"a rate has decimals":                    {"USD", 10000, 1, 88_750, false, 10000, 888},
		"0 % in the price is no tax":             {"EUR", 999, 1, 0, true, 999, 0},
		"0 % on the price is no tax":             {"EUR", 999, 1, 0, false, 999, 0},
		"100 % in the price is half of it":       {"EUR", 999, 1, 1_000_000, true, 499, 500},
		"100 % on the price doubles it":          {"EUR", 999, 1, 1_000_000, false, 999, 999},
		"yen have no decimals":                   {"JPY", 1080, 1, 80_000, true, 1000, 80},
		"fils are thousandths":                   {"KWD", 1299, 3, 50_000, false, 3897, 195},
		"the largest amount is exact":            {"EUR", money.Max, 1, 1_000_000, true, 4503599627370495, 4503599627370496},
		"nothing is free of tax":                 {"EUR", 0, 5, 190_000, true, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cart, settings := oneLine(test.currency, test.unitPrice, test.quantity, test.rate, test.included)
			line := mustQuote(t, cart, settings).Lines[0]
			if line.Net != test.net || line.Tax != test.tax || line.Gross != test.net+test.tax {
				t.Errorf("%d + %d = %d, want %d + %d", line.Net, line.Tax, line.Gross, test.net, test.tax)
			}
		})
	}
}

func TestTaxRate(t *testing.T) {
	t.Parallel()
	rates := []pricing.TaxRate{
		{Country: "CA", Rate: 50_000},
		{Country: "CA", Region: "Ontario", Rate: 130_000},
		{Country: "CA", Class: "food", Rate: 0},
		{Country: "CA", Region: "Quebec", Class: "books", Rate: 10_000},
		{Country: "FR", Class: "books", Rate: 55_000},
	}
	for name, test := range map[string]struct {
		country, region, class string
		want                   pricing.Rate
	}{
		"the country's rate is for every region":     {"CA", "Yukon", "", 50_000},
		"the region's rate precedes the country's":   {"CA", " ontario", "", 130_000},
		"the class precedes the region":              {"CA", "Ontario", "food", 0},
		"a class has a rate in one region":           {"CA", "Quebec", "books", 10_000},
		"a class without a rate is taxed normally":   {"CA", "Ontario", "books", 130_000},
		"a country without rates has no tax":         {"US", "", "food", 0},
		"a country without a standard rate has none": {"FR", "", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cart, settings := oneLine("EUR", 100, 1, 0, false)
			settings.TaxRates = rates
			cart.Destination = pricing.Destination{Country: test.country, Region: test.region}
			cart.Lines[0].TaxClass = test.class
			if got := mustQuote(t, cart, settings).Lines[0].TaxRate; got != test.want {
				t.Errorf("the rate is %d millionths, want %d", got, test.want)
			}
		})
	}
}

func TestPricesWithoutTax(t *testing.T) {
	t.Parallel()
	cart, settings := documented()
	settings.PricesIncludeTax = false
	got := mustQuote(t, cart, settings)
	// 33.18 × 0.19 = 6.3042, 16.19 × 0.07 = 1.1333, 4.90 × 0.19 = 0.931.
	want := []pricing.TaxTotal{{Rate: 70_000, Net: 1619, Tax: 113, Gross: 1732}, {Rate: 190_000, Net: 3808, Tax: 723, Gross: 4531}}
	if diff := cmp.Diff(want, got.Taxes); diff != "" {
		t.Errorf("taxes (-want +got):\n%s", diff)
	}
	if got.Subtotal != 5937 || got.Discount != 1000 || got.Tax != 836 || got.Total != 5937-1000+490+836 {
		t.Errorf("subtotal %d − %d, tax %d, total %d", got.Subtotal, got.Discount, got.Tax, got.Total)
	}
}

func TestInvalidCarts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*pricing.Cart, *pricing.Settings)
		want   error
	}{
		"a line without an id": {func(c *pricing.Cart, _ *pricing.Settings) { c.Lines[0].ID = "" }, pricing.ErrCart},
		"two lines of one id":  {func(c *pricing.Cart, _ *pricing.Settings) { c.Lines[0].ID = "tea" }, pricing.ErrCart},
		"a quantity of 0":      {func(c *pricing.Cart, _ *pricing.Settings) { c.Lines[0].Quantity = 0 }, pricing.ErrCart},
		"a negative price":     {func(c *pricing.Cart, _ *pricing.Settings) { c.Lines[0].UnitPrice = -1 }, pricing.ErrCart},
		"a negative weight":    {func(c *pricing.Cart, _ *pricing.Settings) { c.Lines[0].Weight = -1 }, pricing.ErrCart},
		"another currency":     {func(c *pricing.Cart, _ *pricing.Settings) { c.Currency = "USD" }, money.ErrCurrency},
		"a line too large":     {func(c *pricing.Cart, _ *pricing.Settings) { c.Lines[1].UnitPrice = money.Max }, money.ErrOverflow},
		"a subtotal too large": {func(c *pricing.Cart, _ *pricing.Settings) { c.Lines[0].UnitPrice = money.Max }, money.ErrOverflow},
		"a weight too large":   {func(c *pricing.Cart, _ *pricing.Settings) { c.Lines[1].Weight = money.Max }, money.ErrOverflow},
		"a tax beyond the range": {func(c *pricing.Cart, s *pricing.Settings) {
			s.PricesIncludeTax, c.Lines[0].UnitPrice = false, money.Max-10_000
		}, money.ErrOverflow},
		"invalid settings": {func(_ *pricing.Cart, s *pricing.Settings) { s.TaxRates[0].Rate = -1 }, pricing.ErrSettings},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			cart, settings := documented()
			test.change(&cart, &settings)
			if quote, err := pricing.NewQuote(cart, settings); !errors.Is(err, test.want) || quote.Total != 0 {
				t.Errorf("total %d, error %v, want %v", quote.Total, err, test.want)
			}
		})
	}
}
