package order_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/function/functiontest"
)

// TestLargestQuote places an order of the largest quote: with the maximum numbers of items and of
// discounts, with the longest names. JSON has six bytes for each of their characters.
func TestLargestQuote(t *testing.T) {
	t.Parallel()
	const items, automatic, coded = 50, 100, 10
	s := open(t)
	s.mustUpdateSettings(t, germanShop())
	name := strings.Repeat("<", 200)
	var codes []any
	for i := range automatic + coded {
		discount := map[string]any{"name": name, "kind": "percentage", "rate": 10_000}
		if i >= automatic {
			code := fmt.Sprintf("%s%02d", strings.Repeat("C", 62), i-automatic)
			discount["code"], codes = code, append(codes, code)
		}
		s.mustCreateDiscount(t, discount)
	}
	var cart []map[string]any
	for range items {
		cart = append(cart, fixtures.Item(s.mustAddTaxed(t, 1_000_000_000, "food", "tea", 1), 1000))
	}
	buyer := s.customer(t)
	o := s.mustPlaceBody(t, buyer, shipped(map[string]any{"discountCodes": codes}, cart...))
	requireSums(t, &o)
	if stored := s.mustGet(t, buyer.token, o.ID); len(stored.Discounts) != automatic+coded || stored.Discounts[0].Name != name || stored.Total != o.Total {
		t.Errorf("stored %d discounts, total %v, want %d and %v", len(stored.Discounts), stored.Total, automatic+coded, o.Total)
	}
}

// TestLargestDiscount stores a discount with the maximum numbers of products and categories.
func TestLargestDiscount(t *testing.T) {
	t.Parallel()
	const members = 200
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	var products, categories []any
	for i := range members {
		products = append(products, fmt.Sprintf("01a22686-0000-7000-8000-%012d", i))
		categories = append(categories, fmt.Sprintf("%s%03d", strings.Repeat("&", 61), i))
	}
	var body strings.Builder
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // the body would be longer than the limit
	if err := encoder.Encode(with(tenPercent("LARGE"), map[string]any{"productIds": products, "categories": categories})); err != nil {
		t.Fatal(err)
	}
	var created order.Discount
	request := functiontest.Request{Method: http.MethodPost, Path: "/v1/discounts", Token: s.Tokens.Admin(t), Body: body.String()}
	s.Do(t, request).MustBe(t, http.StatusCreated).Into(t, &created)
	stored := s.mustGetDiscount(t, created.ID)
	if len(stored.ProductIDs) != members || len(stored.Categories) != members || stored.Categories[0] != categories[0] {
		t.Errorf("stored %d products and %d categories, want %d of each", len(stored.ProductIDs), len(stored.Categories), members)
	}
}
