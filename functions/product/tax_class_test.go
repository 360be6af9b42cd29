package product_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"souk/functions/fixtures"
	"souk/functions/product"
)

// TestTaxClassAndWeight checks that the fields on which the price of an order depends are stored,
// changed, cleared and published.
func TestTaxClassAndWeight(t *testing.T) {
	t.Parallel()
	s := open(t)
	body := fixtures.Product("TAXED", 1)
	body["taxClass"], body["weight"] = "food", 270
	p := s.mustCreate(t, body)
	for _, step := range []struct {
		change map[string]any
		class  string
		weight int64
	}{
		{nil, "food", 270},
		{map[string]any{"weight": 300}, "food", 300},
		{map[string]any{"taxClass": "books", "category": "print"}, "books", 300},
		{map[string]any{"taxClass": nil, "weight": 0}, "", 0},
	} {
		if step.change != nil {
			s.patch(t, p.ID, "*", step.change).MustBe(t, http.StatusOK)
		}
		stored := s.mustGet(t, p.ID)
		if stored.TaxClass != step.class || stored.Weight != step.weight {
			t.Errorf("after %v: class %q, weight %d", step.change, stored.TaxClass, stored.Weight)
		}
		var changed product.Changed
		for _, e := range s.Published.Events("product-changed") {
			changed = product.Changed{}
			if err := json.Unmarshal(e.Payload, &changed); err != nil {
				t.Fatal(err)
			}
			if changed.ProductID == p.ID && changed.Version == stored.Version {
				break
			}
		}
		if changed.Version != stored.Version || changed.TaxClass != step.class || changed.Weight != step.weight || changed.Category != stored.Category {
			t.Errorf("after %v: published %+v", step.change, changed)
		}
	}
	for field, value := range map[string]any{"weight": -1, "taxClass": "a class of more than thirty-two characters"} {
		s.patch(t, p.ID, "*", map[string]any{field: value}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	}
}
