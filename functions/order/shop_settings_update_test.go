package order_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions/order"
)

func TestShopSettingsUpdate(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.updateSettings(t, "", germanShop()).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
	s.updateSettings(t, `"2"`, germanShop()).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
	var updated, stored order.ShopSettings
	s.updateSettings(t, `"1"`, germanShop()).MustBe(t, http.StatusOK).Into(t, &updated)
	s.getSettings(t).MustBe(t, http.StatusOK).Into(t, &stored)
	if updated.Version != 2 || len(updated.TaxRates) != 2 || len(updated.Zones[0].Methods) != 2 {
		t.Errorf("updated %+v", updated)
	}
	if diff := cmp.Diff(updated, stored); diff != "" {
		t.Errorf("(-response +stored):\n%s", diff)
	}

	t.Run("fields that are not sent do not change", func(t *testing.T) {
		without := s.mustUpdateSettings(t, map[string]any{"pricesIncludeTax": false})
		if without.PricesIncludeTax || without.Version != 3 || len(without.Zones) != 1 {
			t.Errorf("updated %+v", without)
		}
		if same := s.mustUpdateSettings(t, map[string]any{"pricesIncludeTax": false}); same.Version != 3 {
			t.Errorf("an update without a change increases the version to %d", same.Version)
		}
	})

	for name, test := range map[string]struct {
		settings       map[string]any
		location, code string
	}{
		"a rate above 100 %":       {map[string]any{"taxRates": []any{map[string]any{"country": "DE", "rate": 1_000_001}}}, "body.taxRates[0].rate", "out_of_range"},
		"two rates of a class":     {map[string]any{"taxRates": []any{map[string]any{"country": "DE", "rate": 1}, map[string]any{"country": "DE", "rate": 2}}}, "body.taxRates[1]", "duplicate_field"},
		"a method without tiers":   {zoneWith(map[string]any{"id": "m", "name": "M", "basis": "flat", "tiers": []any{}}), "body.zones[0].methods[0].tiers", "too_few_items"},
		"tiers that descend":       {zoneWith(map[string]any{"id": "m", "name": "M", "basis": "weight", "tiers": []any{tier(5, 1), tier(4, 1)}}), "body.zones[0].methods[0].tiers[1].upTo", "not_allowed"},
		"an unknown basis":         {zoneWith(map[string]any{"id": "m", "name": "M", "basis": "volume", "tiers": []any{tier(0, 1)}}), "body.zones[0].methods[0].basis", "not_allowed"},
		"a withdrawn currency":     {map[string]any{"currency": "DEM"}, "body.currency", "invalid_format"},
		"an unknown field":         {map[string]any{"discounts": []any{}}, "body.discounts", "unknown_field"},
		"a country of 3 letters":   {map[string]any{"zones": []any{map[string]any{"name": "Z", "areas": []any{map[string]any{"country": "DEU"}}}}}, "body.zones[0].areas[0].country", "invalid_format"},
		"a country that is none":   {map[string]any{"zones": []any{map[string]any{"name": "Z", "areas": []any{map[string]any{"country": "XX"}}}}}, "body.zones[0].areas[0].country", "invalid_format"},
		"a region of no country":   {map[string]any{"zones": []any{map[string]any{"name": "Z", "areas": []any{map[string]any{"region": "x"}}}}}, "body.zones[0].areas[0].country", "required"},
		"a price that is no money": {zoneWith(map[string]any{"id": "m", "name": "M", "basis": "flat", "tiers": []any{map[string]any{"price": "4.90"}}}), "body.zones[0].methods[0].tiers[0].price", "invalid_type"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			response := s.updateSettings(t, "*", test.settings)
			response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			if text := string(response.Body); !strings.Contains(text, `"`+test.location+`"`) || !strings.Contains(text, `"`+test.code+`"`) {
				t.Errorf("no error %s at %s: %s", test.code, test.location, text)
			}
		})
	}
}

func TestShopCurrency(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.createDiscount(t, tenPercent("TEN")).MustBeProblem(t, http.StatusConflict, "currency_not_set")
	response := s.updateSettings(t, "*", map[string]any{"taxRates": []any{map[string]any{"country": "DE", "rate": 1}}})
	response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	if !strings.Contains(string(response.Body), `"body.currency"`) {
		t.Errorf("no error at the currency: %s", response.Body)
	}
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	d := s.mustCreateDiscount(t, tenPercent("TEN"))
	s.updateSettings(t, "*", map[string]any{"currency": "USD"}).MustBeProblem(t, http.StatusConflict, "currency_in_use")
	s.changeDiscount(t, http.MethodDelete, d.ID, nil).MustBe(t, http.StatusNoContent)
	s.mustUpdateSettings(t, map[string]any{"currency": "USD"})
	// A product in euros is not sold in a shop of dollars.
	cup := s.mustAddProduct(t, "Cup", 500)
	s.placeBody(t, s.customer(t), map[string]any{"items": []any{map[string]any{"productId": cup, "quantity": 1}}}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
}

// zoneWith returns settings of a zone with a method.
func zoneWith(method map[string]any) map[string]any {
	return map[string]any{"zones": []any{map[string]any{"name": "Z", "areas": []any{map[string]any{"country": "DE"}}, "methods": []any{method}}}}
}

func tier(upTo, price int) map[string]any { return map[string]any{"upTo": upTo, "price": price} }

// TestDocumentedSettings stores the settings of docs/prices.md.
func TestDocumentedSettings(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/prices.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```json\n")
	example, _, found := strings.Cut(after, "```")
	var settings map[string]any
	if err := json.Unmarshal([]byte(example), &settings); err != nil || !found {
		t.Fatalf("docs/prices.md has no example: %v", err)
	}
	updated := open(t).mustUpdateSettings(t, settings)
	if len(updated.TaxRates) != 2 || len(updated.Zones) != 2 || len(updated.Zones[0].Methods) != 2 {
		t.Errorf("stored %+v", updated)
	}
}
