package invoice_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"souk/functions/payment/invoice"
	"souk/shared/money"
)

func TestPDF(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		doc  *invoice.Document
		want []string
	}{
		"invoice": {sample(t), []string{
			"Invoice", "2026-000042", "29 November 2026", "Souk Tea & Spice", "Amira Haddad", "Haddad Trading", "12 Market Street", "10115 Berlin", "Germany",
			"amira@example.com", "0190d3c8-2b4d-7a3b-9f6e-1a2b3c4d5e6f", "Teapot “Çaydanlık”, hammered copper", "39.90", "−6.72", "19 %", "27.88", "5.30", "33.18",
			"Shipping: Parcel", "Net at 7 %", "15.13", "Tax of 19 %", "6.08", "54.27 EUR", "including 7.14 EUR of tax",
			"Paid on 29 November 2026: 54.27 EUR. Reference: pay_0190d3c83c5e7b4c.", "Discount Welcome WELCOME: −10.00 EUR, included in the amounts of the lines.",
			"Amounts are in EUR. Tax is rounded by line. Unit prices and discounts include tax.", "Tax ID DE123456789 · HRB 12345, Amtsgericht Berlin · accounts@souk.example", "Page 1 of 1",
		}},
		"credit note": {creditNote(t), []string{
			"Credit note", "CN-2026-000007", "Corrects", "2026-000042, 29 November 2026", "Assam, 250 g", "5.40", "0.35", "4.90", "0.78", "Total credited", "10.30 EUR", "Paid back on 29 November 2026: 10.30 EUR.",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pages := readPDF(t, render(t, test.doc))
			if len(pages) != 1 {
				t.Fatalf("%d pages", len(pages))
			}
			text := textOf(pages[0])
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in\n%s", want, text)
				}
			}
		})
	}
}

// TestSameBytes requires that a document is rendered to the same bytes, also at the same time as
// others.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	want := render(t, sample(t))
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			if got := render(t, sample(t)); !bytes.Equal(got, want) {
				t.Errorf("%d bytes differ from %d bytes", len(got), len(want))
			}
		})
	}
	if len(want) > 64<<10 {
		t.Errorf("the PDF has %d bytes", len(want))
	}
}

// long returns an invoice with many lines whose names are long.
func long(t testing.TB, lines int, currency string, unit int64) *invoice.Document {
	t.Helper()
	doc := sample(t)
	in := func(amount int64) money.Money { return money.Money{Amount: amount, Currency: currency} }
	doc.Lines = nil
	for i := range lines {
		doc.Lines = append(doc.Lines, invoice.Line{
			Description: fmt.Sprintf("%d. Чай «Ассам» · Τσάι του βουνού · %s, %s", i+1, strings.Repeat("a name of many words ", i%6), strings.Repeat("W", i)),
			Quantity:    int64(i + 1), UnitPrice: in(unit), Discount: in(unit), TaxRate: "8.875", Net: in(unit), Tax: in(unit), Gross: in(unit),
		})
	}
	doc.Net, doc.Tax, doc.Total = in(unit), in(unit), in(unit)
	doc.Taxes = []invoice.Tax{{Rate: "8.875", Net: in(unit), Tax: in(unit), Gross: in(unit)}}
	return doc
}

// TestPages requires that many lines are on several pages, each line once and in order, and that
// no text leaves the page or its margins.
func TestPages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		doc   *invoice.Document
		lines int
	}{
		"no lines":             {long(t, 0, "EUR", 1299), 0},
		"50 lines":             {long(t, 50, "EUR", 1299), 50},
		"200 lines":            {long(t, 200, "KWD", 1234567), 200},
		"the largest amounts":  {long(t, 60, "KWD", money.Max), 60},
		"an address of 200 Ws": {withLongAddress(t), 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pages := readPDF(t, render(t, test.doc))
			var descriptions []string
			for i, page := range pages {
				for _, s := range page {
					if s.x < 19.5 || s.x > 190.5 || s.y < 20 || s.y > 290 {
						t.Errorf("page %d: %q is at %.1f, %.1f", i+1, s.text, s.x, s.y)
					}
					if end := s.x + invoice.MinWidth(s.text); end > 210-10 && s.x > 20.1 {
						t.Errorf("page %d: %q ends at %.1f", i+1, s.text, end)
					}
				}
				text := textOf(page)
				if want := fmt.Sprintf("Page %d of %d", i+1, len(pages)); !strings.Contains(text, want) {
					t.Errorf("page %d has no %q", i+1, want)
				}
				descriptions = append(descriptions, text)
			}
			all := strings.Join(descriptions, "")
			for i := range test.lines {
				if want := fmt.Sprintf("\n%d. Чай", i+1); test.lines > 3 && strings.Count(all, want) != 1 {
					t.Errorf("line %d is shown %d times", i+1, strings.Count(all, want))
				}
			}
		})
	}
}

func withLongAddress(t testing.TB) *invoice.Document {
	t.Helper()
	doc := sample(t)
	a := *doc.Buyer.Address
	for _, field := range []*string{&a.Name, &a.Company, &a.Line1, &a.Line2, &a.City, &a.Region} {
		*field = strings.Repeat("W", 100)
	}
	doc.Buyer.Address, doc.ShippingAddress = &a, &a
	doc.Buyer.Email = strings.Repeat("m", 200) + "@example.com"
	return doc
}

// TestAmounts requires amounts with the decimals of their currencies.
func TestAmounts(t *testing.T) {
	t.Parallel()
	for currency, want := range map[string]string{"JPY": "1,234,567 JPY", "EUR": "12,345.67 EUR", "KWD": "1,234.567 KWD"} {
		if text := textOf(readPDF(t, render(t, long(t, 1, currency, 1234567)))[0]); strings.Count(text, want) < 2 {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// TestSamples writes documents to INVOICE_SAMPLES, to be looked at.
func TestSamples(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("INVOICE_SAMPLES")
	if dir == "" {
		t.Skip("set INVOICE_SAMPLES to a directory to write documents there")
	}
	strange := sample(t)
	strange.Buyer.Address.Name = "山田 太郎 / Željko Łukasz Ğürsoy / Ελένη Παπαδοπούλου / Юлия Щербакова / Հայկ / გიორგი / محمد"
	for name, doc := range map[string]*invoice.Document{
		"invoice": sample(t), "credit-note": creditNote(t), "long": long(t, 60, "KWD", 1234567), "largest": long(t, 4, "KWD", money.Max), "strange": strange, "address": withLongAddress(t),
	} {
		if err := os.WriteFile(filepath.Join(dir, name+".pdf"), render(t, doc), 0o600); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkPDF(b *testing.B) {
	doc := sample(b)
	for b.Loop() {
		render(b, doc)
	}
}
