package pricing_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/shared/pricing"
)

// now is the time of the quotes in tests.
var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// documented returns the cart and the settings of the example in doc.go.
func documented() (pricing.Cart, pricing.Settings) {
	cart := pricing.Cart{
		Currency: "EUR",
		Lines: []pricing.CartLine{
			{ID: "pot", UnitPrice: 3990, Quantity: 1, Weight: 800},
			{ID: "tea", UnitPrice: 649, Quantity: 3, Weight: 250, TaxClass: "food", Category: "tea"},
		},
		Destination:    pricing.Destination{Country: "DE", Region: "Berlin", PostalCode: "10115"},
		ShippingMethod: "standard",
		Codes:          []string{" welcome "},
		Time:           now,
	}
	settings := pricing.Settings{
		Currency:         "EUR",
		PricesIncludeTax: true,
		TaxRates: []pricing.TaxRate{
			{Country: "DE", Rate: 19 * pricing.Percent},
			{Country: "DE", Class: "food", Rate: 7 * pricing.Percent},
		},
		Zones: []pricing.Zone{{
			Name: "Germany", Areas: []pricing.Area{{Country: "DE"}},
			Methods: []pricing.Method{{ID: "standard", Name: "Parcel", Basis: pricing.Flat, Tiers: []pricing.Tier{{Price: 490}}, FreeFrom: 6000}},
		}},
		Discounts: []pricing.Discount{{ID: "d1", Name: "Welcome", Code: "WELCOME", Kind: pricing.AmountOff, Amount: 1000}},
	}
	return cart, settings
}

func TestDocumentedExample(t *testing.T) {
	t.Parallel()
	cart, settings := documented()
	got := mustQuote(t, cart, settings)
	want := pricing.Quote{
		Currency: "EUR", PricesIncludeTax: true,
		Lines: []pricing.Line{
			{ID: "pot", UnitPrice: 3990, Quantity: 1, Charge: pricing.Charge{Amount: 3990, Discount: 672, TaxRate: 190_000, Net: 2788, Tax: 530, Gross: 3318}},
			{ID: "tea", UnitPrice: 649, Quantity: 3, Charge: pricing.Charge{Amount: 1947, Discount: 328, TaxRate: 70_000, Net: 1513, Tax: 106, Gross: 1619}},
		},
		Shipping: pricing.Shipping{
			Method: "standard", Name: "Parcel",
			Charge:  pricing.Charge{Amount: 490, TaxRate: 190_000, Net: 412, Tax: 78, Gross: 490},
			Options: []pricing.ShippingOption{{Method: "standard", Name: "Parcel", Amount: 490}},
		},
		Discounts: []pricing.AppliedDiscount{{ID: "d1", Name: "Welcome", Code: "WELCOME", Amount: 1000}},
		Taxes: []pricing.TaxTotal{
			{Rate: 70_000, Net: 1513, Tax: 106, Gross: 1619},
			{Rate: 190_000, Net: 3200, Tax: 608, Gross: 3808},
		},
		Subtotal: 5937, Discount: 1000, Tax: 714, Total: 5427,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("quote (-want +got):\n%s", diff)
	}

	var refunds []pricing.Refund
	for i, want := range []struct{ amount, tax int64 }{{540, 35}, {539, 36}, {540, 35}} {
		refund, err := pricing.NewRefund(got, got.Total, refunds, pricing.RefundRequest{Lines: []pricing.RefundLine{{ID: "tea", Quantity: 1}}})
		if err != nil || refund.Amount != want.amount || refund.Tax != want.tax {
			t.Errorf("refund %d: %d with tax %d, error %v; want %d, %d", i, refund.Amount, refund.Tax, err, want.amount, want.tax)
		}
		refunds = append(refunds, refund)
	}
}

// mustQuote returns the quote of a cart.
func mustQuote(t testing.TB, cart pricing.Cart, settings pricing.Settings) pricing.Quote {
	t.Helper()
	quote, err := pricing.NewQuote(cart, settings)
	if err != nil {
		t.Fatal(err)
	}
	return quote
}
