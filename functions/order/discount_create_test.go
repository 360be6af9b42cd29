package order_test

import (
	"net/http"
	"strings"
	"testing"

	"souk/functions/fixtures"
)

// TestDiscountCreate checks that codes are unique in every case.
func TestDiscountCreate(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	s.mustCreateDiscount(t, tenPercent("Welcome"))
	s.createDiscount(t, tenPercent("wELCOME")).MustBeProblem(t, http.StatusConflict, "code_taken")
	s.mustCreateDiscount(t, tenPercent("Welcome2"))
}

// TestAutomaticDiscounts creates as many automatic discounts as a shop can have.
func TestAutomaticDiscounts(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	automatic := map[string]any{"name": "Automatic", "kind": "free_shipping"}
	for range 100 {
		s.mustCreateDiscount(t, automatic)
	}
	s.createDiscount(t, automatic).MustBeProblem(t, http.StatusConflict, "too_many_discounts")
	s.mustCreateDiscount(t, with(automatic, map[string]any{"code": "SHIP"}))
	s.mustPlace(t, s.customer(t), fixtures.Item(s.mustAddProduct(t, "Cup", 500), 1))
}

func TestInvalidDiscounts(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	amount := map[string]any{"name": "Ten euros", "kind": "amount", "amount": fixtures.Price(1000)}
	for name, test := range map[string]struct {
		discount       map[string]any
		location, code string
	}{
		"a percentage without a rate": {map[string]any{"name": "N", "kind": "percentage"}, "body.rate", "out_of_range"},
		"a percentage of an amount":   {with(tenPercent("A"), map[string]any{"amount": fixtures.Price(1)}), "body.amount", "not_allowed"},
		"an amount with a rate":       {with(amount, map[string]any{"rate": 1}), "body.rate", "not_allowed"},
		"an amount of nothing":        {with(amount, map[string]any{"amount": fixtures.Price(0)}), "body.amount", "out_of_range"},
		"another currency":            {with(amount, map[string]any{"amount": map[string]any{"amount": 1, "currency": "USD"}}), "body.amount.currency", "not_allowed"},
		"a period that ends before":   {with(amount, map[string]any{"from": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}), "body.until", "not_allowed"},
		"a kind that does not exist":  {with(amount, map[string]any{"kind": "gift"}), "body.kind", "not_allowed"},
		"a code of spaces":            {with(amount, map[string]any{"code": " "}), "body.code", "invalid_format"},
		"a product that is no id":     {with(amount, map[string]any{"productIds": []any{"cup"}}), "body.productIds[0]", "invalid_format"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			response := s.createDiscount(t, test.discount)
			response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			if text := string(response.Body); !strings.Contains(text, `"`+test.location+`"`) || !strings.Contains(text, `"`+test.code+`"`) {
				t.Errorf("no error %s at %s: %s", test.code, test.location, text)
			}
		})
	}
}
