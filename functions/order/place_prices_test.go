package order_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"souk/functions/fixtures"
	"souk/functions/order"
)

// TestPlacePrices places the order of the example in shared/pricing's documentation.
func TestPlacePrices(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, germanShop())
	s.mustCreateDiscount(t, map[string]any{"name": "Welcome", "code": "WELCOME", "kind": "amount", "amount": fixtures.Price(1000)})
	pot, tea := s.mustAddTaxed(t, 3990, "", "pots", 800), s.mustAddTaxed(t, 649, "food", "tea", 250)
	buyer := s.customer(t)
	items := []map[string]any{fixtures.Item(pot, 1), fixtures.Item(tea, 3)}
	o := s.mustPlaceBody(t, buyer, shipped(map[string]any{"discountCodes": []any{" welcome"}}, items...))
	requireSums(t, &o)
	if o.Total.Amount != 5427 || o.Subtotal.Amount != 5937 || o.Discount.Amount != 1000 || o.Tax.Amount != 714 || !o.PricesIncludeTax {
		t.Errorf("prices %+v", o.Prices)
	}
	if o.Shipping == nil || o.Shipping.Method != "standard" || o.Shipping.Total.Amount != 490 || o.Shipping.Tax.Amount != 78 {
		t.Errorf("shipping %+v", o.Shipping)
	}
	if pot, tea := o.Items[0], o.Items[1]; pot.Tax.Amount != 530 || pot.TaxRate != 19*percent || pot.Total.Amount != 3318 || tea.Tax.Amount != 106 || tea.TaxRate != 7*percent || tea.Discount.Amount != 328 {
		t.Errorf("items %+v", o.Items)
	}
	if len(o.Taxes) != 2 || o.Taxes[0].Rate != 7*percent || o.Taxes[1].Tax.Amount != 608 || len(o.Discounts) != 1 || o.Discounts[0].Code != "WELCOME" {
		t.Errorf("taxes %+v, discounts %+v", o.Taxes, o.Discounts)
	}
	if diff := cmp.Diff(o, s.mustGet(t, buyer.token, o.ID), cmpopts.IgnoreUnexported(order.Order{}, order.HistoryEntry{})); diff != "" {
		t.Errorf("(-response +stored):\n%s", diff)
	}
	placed := s.publishedPlaced(t, o.ID)
	if placed.Quote == nil || placed.Quote.Total != 5427 || placed.Total != o.Total || placed.Quote.Lines[1].ID != tea.String() {
		t.Errorf("order-placed is %+v", placed)
	}

	s.mustDeliverStock(t, "stock-reserved", o.ID, "")
	confirmed := s.published(t, "order-confirmed", o.ID)
	if len(confirmed) != 1 || confirmed[0].Discount.Amount != 1000 || confirmed[0].Shipping.Amount != 490 || confirmed[0].Tax.Amount != 714 || !confirmed[0].TaxIncluded {
		t.Errorf("order-confirmed is %+v", confirmed)
	}

	t.Run("an order without rules for its price has no quote", func(t *testing.T) {
		t.Parallel()
		plain := open(t)
		o := plain.mustPlace(t, plain.customer(t), fixtures.Item(plain.mustAddProduct(t, "Cup", 500), 2))
		requireSums(t, &o)
		if o.Total.Amount != 1000 || o.Tax.Amount != 0 || o.Shipping != nil || o.Items[0].Total.Amount != 1000 {
			t.Errorf("prices %+v", o.Prices)
		}
		var stored []byte
		if err := plain.DB.QueryRowContext(t.Context(), `SELECT quote FROM orders WHERE id = ?`, o.ID[:]).Scan(&stored); err != nil || stored != nil {
			t.Errorf("stored quote %s, %v", stored, err)
		}
		if placed := plain.publishedPlaced(t, o.ID); placed.Quote != nil {
			t.Errorf("order-placed is %+v", placed)
		}
	})

	for name, test := range map[string]struct {
		change map[string]any
		code   string
	}{
		"without an address":               {map[string]any{"shippingAddress": (*struct{})(nil)}, "shipping_no_address"},
		"to a country outside all zones":   {map[string]any{"shippingAddress": with(fixtures.ShortAddress("A"), map[string]any{"country": "FR"})}, "shipping_no_zone"},
		"without a shipping method":        {map[string]any{"shippingMethod": ""}, "shipping_not_chosen"},
		"with an unknown shipping method":  {map[string]any{"shippingMethod": "drone"}, "shipping_method_not_available"},
		"with an unknown discount code":    {map[string]any{"discountCodes": []any{"NOPE"}}, "discount_code_unknown"},
		"with a known and an unknown code": {map[string]any{"discountCodes": []any{"WELCOME", "NOPE"}}, "discount_code_unknown"},
	} {
		t.Run("an order "+name+" is refused", func(t *testing.T) {
			t.Parallel()
			body := shipped(test.change, items...)
			if address, removed := body["shippingAddress"].(*struct{}); removed && address == nil {
				delete(body, "shippingAddress")
			}
			s.placeBody(t, s.customer(t), body).MustBeProblem(t, http.StatusConflict, test.code)
		})
	}

	t.Run("shipping is free above a total, and dearer by weight", func(t *testing.T) {
		t.Parallel()
		free := s.mustPlaceBody(t, s.customer(t), shipped(nil, fixtures.Item(pot, 3)))
		heavy := s.mustPlaceBody(t, s.customer(t), shipped(map[string]any{"shippingMethod": "heavy"}, fixtures.Item(pot, 2)))
		if free.Shipping.Total.Amount != 0 || heavy.Shipping.Total.Amount != 2900 {
			t.Errorf("shipping costs %+v and %+v", free.Shipping, heavy.Shipping)
		}
		requireSums(t, &free)
		requireSums(t, &heavy)
	})
}

// TestSettingsApplyAtOnce checks that an order has the rules that were acknowledged before it,
// although instances have copies of the rules.
func TestSettingsApplyAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	cup := s.mustAddProduct(t, "Cup", 1000)
	place := func() order.Order {
		body := fixtures.Order(fixtures.Item(cup, 1))
		body["shippingAddress"] = fixtures.ShortAddress("Amira Haddad")
		return s.mustPlaceBody(t, s.customer(t), body)
	}
	requireTotal := func(want int64) {
		t.Helper()
		o := place()
		if requireSums(t, &o); o.Total.Amount != want {
			t.Errorf("the total is %d, want %d", o.Total.Amount, want)
		}
	}
	requireTotal(1000)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	requireTotal(1000)
	for _, rate := range []int64{100_000, 200_000, 0} {
		s.mustUpdateSettings(t, map[string]any{"taxRates": []any{map[string]any{"country": "DE", "rate": rate}}})
		requireTotal(1000 + rate/1000)
	}
	automatic := s.mustCreateDiscount(t, map[string]any{"name": "Sale", "kind": "percentage", "rate": 500_000})
	requireTotal(500)
	s.changeDiscount(t, http.MethodPatch, automatic.ID, map[string]any{"rate": 1_000_000}).MustBe(t, http.StatusOK)
	requireTotal(0)
	s.changeDiscount(t, http.MethodDelete, automatic.ID, nil).MustBe(t, http.StatusNoContent)
	requireTotal(1000)
}

// TestDiscountOfProducts checks that discounts are for products and categories of the catalogue.
func TestDiscountOfProducts(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	tea, pot := s.mustAddTaxed(t, 1000, "", "tea", 0), s.mustAddTaxed(t, 1000, "", "pots", 0)
	s.mustCreateDiscount(t, with(tenPercent("TEA"), map[string]any{"categories": []any{"tea"}}))
	s.mustCreateDiscount(t, with(tenPercent("POT"), map[string]any{"productIds": []any{pot}}))
	for code, want := range map[string][2]int64{"TEA": {100, 0}, "POT": {0, 100}} {
		body := with(fixtures.Order(fixtures.Item(tea, 1), fixtures.Item(pot, 1)), map[string]any{"discountCodes": []any{code}})
		o := s.mustPlaceBody(t, s.customer(t), body)
		if got := [2]int64{o.Items[0].Discount.Amount, o.Items[1].Discount.Amount}; got != want {
			text, _ := json.Marshal(o)
			t.Errorf("%s takes off %v, want %v: %s", code, got, want, text)
		}
	}
}
