package invoice_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/invoice"
	"souk/shared/address"
	"souk/shared/money"
	"souk/shared/pricing"
)

var issuedAt = time.Date(2026, 11, 29, 9, 30, 0, 0, time.UTC)

// seller returns a seller.
func seller() invoice.Seller {
	return invoice.Seller{
		Name: "Souk Tea & Spice", Address: []string{"14 Bazaar Lane", "10115 Berlin", "Germany"},
		TaxID: "DE123456789", Contact: "accounts@souk.example", Details: "HRB 12345, Amtsgericht Berlin",
	}
}

// order returns an order with the documented example of package pricing.
func order(t testing.TB) invoice.Order {
	t.Helper()
	quote, err := pricing.NewQuote(pricing.Cart{
		Currency: "EUR",
		Lines: []pricing.CartLine{
			{ID: "pot", UnitPrice: 3990, Quantity: 1},
			{ID: "tea", UnitPrice: 649, Quantity: 3, TaxClass: "food"},
		},
		Destination: pricing.Destination{Country: "DE"}, ShippingMethod: "standard", Codes: []string{"WELCOME"}, Time: issuedAt,
	}, pricing.Settings{
		Currency: "EUR", PricesIncludeTax: true,
		TaxRates: []pricing.TaxRate{{Country: "DE", Rate: 19 * pricing.Percent}, {Country: "DE", Class: "food", Rate: 7 * pricing.Percent}},
		Zones: []pricing.Zone{{
			Name: "Germany", Areas: []pricing.Area{{Country: "DE"}},
			Methods: []pricing.Method{{ID: "standard", Name: "Parcel", Basis: pricing.Flat, Tiers: []pricing.Tier{{Price: 490}}}},
		}},
		Discounts: []pricing.Discount{{ID: "d1", Name: "Welcome", Code: "WELCOME", Kind: pricing.AmountOff, Amount: 1000}},
	})
	if err != nil {
		t.Fatal(err)
	}
	home := address.PostalAddress{
		Name: "Amira Haddad", Company: "Haddad Trading", Line1: "12 Market Street", Line2: "Third floor", PostalCode: "10115", City: "Berlin", Country: "DE",
	}
	return invoice.Order{
		ID: uuid.MustParse("0190d3c8-2b4d-7a3b-9f6e-1a2b3c4d5e6f"), PlacedAt: issuedAt.Add(-time.Hour),
		Name: "Amira Haddad", Email: "amira@example.com", BillingAddress: &home, ShippingAddress: &home,
		Names: map[string]string{"pot": "Teapot “Çaydanlık”, hammered copper", "tea": "Assam, 250 g"}, Quote: quote,
	}
}

// paid returns a payment.
func paid(amount int64, currency string) invoice.Payment {
	return invoice.Payment{At: issuedAt, Amount: money.Money{Amount: amount, Currency: currency}, Reference: "pay_0190d3c83c5e7b4c"}
}

// issue sets what the caller of the package sets.
func issue(doc invoice.Document, number string) *invoice.Document {
	doc.ID, doc.Number, doc.IssuedAt = uuid.MustParse("0190d3c8-3c5e-7b4c-8a70-3c8f1d2f9a10"), number, issuedAt
	return &doc
}

// sample returns an invoice.
func sample(t testing.TB) *invoice.Document {
	t.Helper()
	return issue(invoice.New(order(t), seller(), paid(5427, "EUR")), "2026-000042")
}

// creditNote returns the credit note for a packet of tea and the shipping.
func creditNote(t testing.TB) *invoice.Document {
	t.Helper()
	o := order(t)
	refund, err := pricing.NewRefund(o.Quote, o.Quote.Total, nil, pricing.RefundRequest{Lines: []pricing.RefundLine{{ID: "tea", Quantity: 1}}, Shipping: true})
	if err != nil {
		t.Fatal(err)
	}
	return issue(invoice.NewCreditNote(o, refund, seller(), paid(refund.Amount, "EUR"), invoice.Reference{Number: "2026-000042", IssuedAt: issuedAt}), "CN-2026-000007")
}

// render returns the PDF of a document.
func render(t testing.TB, doc *invoice.Document) []byte {
	t.Helper()
	pdf, err := invoice.PDF(doc)
	if err != nil {
		t.Fatal(err)
	}
	return pdf
}
