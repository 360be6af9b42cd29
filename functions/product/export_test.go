package product_test

import (
	"fmt"
	"net/http"
	"testing"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/function/functiontest"
)

func (s shop) mustExport(t testing.TB, format string) string {
	t.Helper()
	return string(s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/export?format=" + format, Token: s.admin}).
		MustBe(t, http.StatusOK).Body)
}

func TestExport(t *testing.T) {
	t.Parallel()
	s := open(t)
	body := fixtures.Product("FULL", 3)
	body["name"], body["description"] = `=1+1, "quoted" <ü>`, "two\nlines"
	body["images"], body["attributes"] = []string{"https://a.example.com/1"}, map[string]any{"organic": true, "grams": 250.5, "origin": "a, \"b\""}
	s.mustCreate(t, body)
	bare := s.mustCreate(t, map[string]any{"sku": "BARE", "name": "x", "price": map[string]any{"amount": 0, "currency": "JPY"}})
	s.archive(t, bare.ID, "*").MustBe(t, http.StatusNoContent)
	for i := range 501 {
		_, err := s.DB.ExecContext(t.Context(), `
			INSERT INTO product (id, sku, name, description, category, price_amount, price_currency, available, status, version, created_at, updated_at)
			VALUES (RANDOM_BYTES(16), ?, 'x', '', '', 1, 'EUR', 0, 'active', 1, NOW(6), NOW(6))`, fmt.Sprint("MANY", i))
		if err != nil {
			t.Fatal(err)
		}
	}

	for format, mediaType := range map[string]string{"ndjson": ndjson, "csv": csv} {
		t.Run("an import of an export as "+format+" changes nothing, or creates the same catalogue in another shop", func(t *testing.T) {
			t.Parallel()
			text := s.mustExport(t, format)
			published := len(s.Published.Events("product-changed"))
			if results, sum := s.mustImport(t, mediaType, text); sum != (product.ImportSummary{Unchanged: 503}) {
				t.Errorf("summary %+v, first %+v", sum, results[0])
			}
			if got := len(s.Published.Events("product-changed")); got != published {
				t.Errorf("published %d events", got-published)
			}
			other := open(t)
			if _, sum := other.mustImport(t, mediaType, text); sum != (product.ImportSummary{Created: 503}) {
				t.Errorf("in another shop: summary %+v", sum)
			}
			if got := other.mustExport(t, format); len(got) != len(text) {
				t.Errorf("another shop exports %d bytes, this one %d", len(got), len(text))
			}
		})
	}

	t.Run("only admins may export products", func(t *testing.T) {
		t.Parallel()
		_, customer := s.Tokens.Customer(t)
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/export", Token: customer}).
			MustBeProblem(t, http.StatusForbidden, "forbidden")
	})
}
