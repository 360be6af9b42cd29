package invoice_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"souk/functions/payment/invoice"
	"souk/shared/money"
	"souk/shared/pricing"
)

// TestSums requires that the lines of documents of random quotes and refunds add up to what they
// show, and that the sums are those of the quote.
func TestSums(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		quote := drawQuote(t)
		o := invoice.Order{Quote: quote}
		doc := invoice.New(o, seller(), paid(quote.Total, quote.Currency))
		checkSums(t, &doc)
		if doc.Total.Amount != quote.Total || doc.Tax.Amount != quote.Tax || doc.Total.Currency != quote.Currency {
			t.Fatalf("total %v, tax %v of %+v", doc.Total, doc.Tax, quote)
		}
		var refunds []pricing.Refund
		for range 3 {
			request := pricing.RefundRequest{Amount: rapid.Int64Range(1, 1+quote.Total).Draw(t, "amount")}
			refund, err := pricing.NewRefund(quote, quote.Total, refunds, request)
			if err != nil {
				continue
			}
			refunds = append(refunds, refund)
			note := invoice.NewCreditNote(o, refund, seller(), paid(refund.Amount, quote.Currency), invoice.Reference{})
			checkSums(t, &note)
			if note.Total.Amount != request.Amount {
				t.Fatalf("credit note of %v for %d", note.Total, request.Amount)
			}
		}
	})
}

func drawQuote(t *rapid.T) pricing.Quote {
	t.Helper()
	cart := pricing.Cart{Currency: rapid.SampledFrom([]string{"JPY", "EUR", "KWD"}).Draw(t, "currency"), Destination: pricing.Destination{Country: "DE"}, ShippingMethod: "standard", Codes: []string{"OFF"}}
	for i := range rapid.IntRange(1, 8).Draw(t, "lines") {
		cart.Lines = append(cart.Lines, pricing.CartLine{
			ID: string(rune('a' + i)), UnitPrice: rapid.Int64Range(0, 100_000).Draw(t, "price"), Quantity: rapid.Int64Range(1, 20).Draw(t, "quantity"),
			TaxClass: rapid.SampledFrom([]string{"", "food"}).Draw(t, "class"),
		})
	}
	quote, err := pricing.NewQuote(cart, pricing.Settings{
		Currency: cart.Currency, PricesIncludeTax: rapid.Bool().Draw(t, "include"),
		TaxRates: []pricing.TaxRate{{Country: "DE", Rate: pricing.Rate(rapid.Int64Range(0, int64(pricing.MaxRate)).Draw(t, "rate"))}, {Country: "DE", Class: "food", Rate: 70_000}},
		Zones: []pricing.Zone{{Areas: []pricing.Area{{}}, Methods: []pricing.Method{{
			ID: "standard", Name: "Parcel", Basis: pricing.Flat, Tiers: []pricing.Tier{{Price: rapid.Int64Range(0, 1000).Draw(t, "shipping")}},
		}}}},
		Discounts: []pricing.Discount{{ID: "d", Name: "Off", Code: "OFF", Kind: pricing.AmountOff, Amount: rapid.Int64Range(1, 10_000).Draw(t, "off")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return quote
}

func checkSums(t *rapid.T, doc *invoice.Document) {
	t.Helper()
	var lines, taxes invoice.Tax
	for _, line := range doc.Lines {
		lines = add(lines, line.Net, line.Tax, line.Gross)
	}
	for _, tax := range doc.Taxes {
		taxes = add(taxes, tax.Net, tax.Tax, tax.Gross)
	}
	want := invoice.Tax{Net: doc.Net, Tax: doc.Tax, Gross: doc.Total}
	if want.Net.Amount+want.Tax.Amount != want.Gross.Amount {
		t.Fatalf("net %v and tax %v are not %v", doc.Net, doc.Tax, doc.Total)
	}
	for name, sum := range map[string]invoice.Tax{"lines": lines, "taxes": taxes} {
		if sum.Net.Amount != want.Net.Amount || sum.Tax.Amount != want.Tax.Amount || sum.Gross.Amount != want.Gross.Amount {
			t.Fatalf("%s add up to %+v, want %+v", name, sum, want)
		}
	}
}

func add(sum invoice.Tax, net, tax, gross money.Money) invoice.Tax {
	sum.Net.Amount += net.Amount
	sum.Tax.Amount += tax.Amount
	sum.Gross.Amount += gross.Amount
	return sum
}

// TestStored requires that a stored document is the one that was composed, and renders the same.
func TestStored(t *testing.T) {
	t.Parallel()
	for _, doc := range []*invoice.Document{sample(t), creditNote(t)} {
		stored, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		var got invoice.Document
		if err := json.Unmarshal(stored, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(*doc, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", doc.Kind, diff)
		}
		if string(render(t, &got)) != string(render(t, doc)) {
			t.Errorf("%s is rendered to other bytes", doc.Kind)
		}
	}
}

// TestBuyer requires the billing address, and the other address only if it differs.
func TestBuyer(t *testing.T) {
	t.Parallel()
	o := order(t)
	other := *o.BillingAddress
	other.City = "Hamburg"
	for name, test := range map[string]struct {
		billing, shipping *string
		buyer, delivery   string
	}{
		"both the same":    {&o.BillingAddress.City, &o.BillingAddress.City, "Berlin", ""},
		"different":        {&o.BillingAddress.City, &other.City, "Berlin", "Hamburg"},
		"without billing":  {nil, &other.City, "Hamburg", ""},
		"without shipping": {&o.BillingAddress.City, nil, "Berlin", ""},
		"without both":     {nil, nil, "", ""},
	} {
		in := o
		in.BillingAddress, in.ShippingAddress = nil, nil
		if test.billing != nil {
			a := *o.BillingAddress
			in.BillingAddress = &a
		}
		if test.shipping != nil {
			a := *o.BillingAddress
			a.City = *test.shipping
			in.ShippingAddress = &a
		}
		doc := invoice.New(in, seller(), paid(1, "EUR"))
		var buyer, delivery string
		if doc.Buyer.Address != nil {
			buyer = doc.Buyer.Address.City
		}
		if doc.ShippingAddress != nil {
			delivery = doc.ShippingAddress.City
		}
		if buyer != test.buyer || delivery != test.delivery {
			t.Errorf("%s: buyer in %q, delivery to %q", name, buyer, delivery)
		}
		render(t, issue(doc, "2026-000001"))
	}
}

func TestFormatRate(t *testing.T) {
	t.Parallel()
	for rate, want := range map[pricing.Rate]string{0: "0", 190_000: "19", 88_750: "8.875", 1: "0.0001", 75_000: "7.5", pricing.MaxRate: "100"} {
		if got := invoice.FormatRate(rate); got != want {
			t.Errorf("%d is %s, want %s", rate, got, want)
		}
	}
}
