package order_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/function/functiontest"
	"souk/shared/pricing"
)

// germanShop returns the settings of a shop that ships to Germany, with prices with tax.
func germanShop() map[string]any {
	return map[string]any{
		"currency": "EUR", "pricesIncludeTax": true,
		"taxRates": []any{
			map[string]any{"country": "DE", "rate": 190_000},
			map[string]any{"country": "DE", "class": "food", "rate": 70_000},
		},
		"zones": []any{map[string]any{
			"name": "Germany", "areas": []any{map[string]any{"country": "DE"}},
			"methods": []any{
				map[string]any{"id": "standard", "name": "Parcel", "basis": "flat", "tiers": []any{map[string]any{"price": 490}}, "freeFrom": 10_000},
				map[string]any{"id": "heavy", "name": "Freight", "basis": "weight", "tiers": []any{map[string]any{"upTo": 1000, "price": 900}, map[string]any{"upTo": 30_000, "price": 2900}}},
			},
		}},
	}
}

func (s testService) updateSettings(t *testing.T, ifMatch string, settings map[string]any) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPatch, Path: "/v1/settings", Token: s.Tokens.Admin(t),
		Header: map[string]string{"If-Match": ifMatch}, Body: settings})
}

func (s testService) mustUpdateSettings(t *testing.T, settings map[string]any) (updated order.ShopSettings) {
	t.Helper()
	s.updateSettings(t, "*", settings).MustBe(t, http.StatusOK).Into(t, &updated)
	return updated
}

func (s testService) createDiscount(t *testing.T, discount map[string]any) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/discounts", Token: s.Tokens.Admin(t), Body: discount})
}

func (s testService) mustCreateDiscount(t *testing.T, discount map[string]any) (created order.Discount) {
	t.Helper()
	s.createDiscount(t, discount).MustBe(t, http.StatusCreated).Into(t, &created)
	return created
}

func (s testService) mustGetDiscount(t *testing.T, id uuid.UUID) (d order.Discount) {
	t.Helper()
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/discounts/" + id.String(), Token: s.Tokens.Admin(t)}).MustBe(t, http.StatusOK).Into(t, &d)
	return d
}

func (s testService) changeDiscount(t *testing.T, method string, id uuid.UUID, body any) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: method, Path: "/v1/discounts/" + id.String(), Token: s.Tokens.Admin(t),
		Header: map[string]string{"If-Match": "*"}, Body: body})
}

// tenPercent returns a discount of 10 % with a code.
func tenPercent(code string) map[string]any {
	return map[string]any{"name": "Ten percent", "code": code, "kind": "percentage", "rate": 100_000}
}

// with returns a copy of an object with other members.
func with(object, members map[string]any) map[string]any {
	changed := maps.Clone(object)
	maps.Copy(changed, members)
	return changed
}

// mustAddTaxed adds an active product of a tax class, a category and a weight.
func (s testService) mustAddTaxed(t *testing.T, cents int, class, category string, grams int) uuid.UUID {
	t.Helper()
	id := uuid.New()
	changed := fixtures.ProductChanged(id, 1, "Product", fixtures.Price(cents))
	changed["taxClass"], changed["category"], changed["weight"] = class, category, grams
	s.Deliver(t, "catalog-sync", functiontest.NewEvent(t, "product-changed", changed)).MustBe(t, http.StatusNoContent)
	return id
}

// shipped returns a body of order-place with an address in Germany and more members.
func shipped(members map[string]any, items ...map[string]any) map[string]any {
	body := fixtures.Order(items...)
	body["shippingAddress"], body["shippingMethod"] = fixtures.ShortAddress("Amira Haddad"), "standard"
	return with(body, members)
}

func (s testService) placeBody(t *testing.T, by customer, body map[string]any) functiontest.Response {
	t.Helper()
	return s.Do(t, fixtures.PlaceOrder(by.token, body))
}

func (s testService) mustPlaceBody(t *testing.T, by customer, body map[string]any) (o order.Order) {
	t.Helper()
	s.placeBody(t, by, body).MustBe(t, http.StatusCreated).Into(t, &o)
	return o
}

// requireSums requires that the prices of an order add up.
func requireSums(t *testing.T, o *order.Order) {
	t.Helper()
	var lines, discounts, tax, gross, items int64
	for _, item := range o.Items {
		lines += item.LineTotal.Amount
		discounts += item.Discount.Amount
		tax += item.Tax.Amount
		items += item.Total.Amount
	}
	shipping := int64(0)
	if o.Shipping != nil {
		shipping = o.Shipping.Amount.Amount
		discounts += o.Shipping.Discount.Amount
		tax += o.Shipping.Tax.Amount
		items += o.Shipping.Total.Amount
	}
	for _, rate := range o.Taxes {
		gross += rate.Gross.Amount
	}
	total := o.Subtotal.Amount - o.Discount.Amount + shipping
	if !o.PricesIncludeTax {
		total += o.Tax.Amount
	}
	if lines != o.Subtotal.Amount || discounts != o.Discount.Amount || tax != o.Tax.Amount || items != o.Total.Amount || total != o.Total.Amount {
		t.Errorf("the parts do not add up: %+v", o)
	}
	if len(o.Taxes) > 0 && gross != o.Total.Amount {
		t.Errorf("the taxes are of %d, the total is %d", gross, o.Total.Amount)
	}
}

// percent is a rate in percent.
const percent = pricing.Percent
