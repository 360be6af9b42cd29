package order_test

import (
	"net/http"
	"strings"
	"testing"

	"souk/functions/fixtures"
	"souk/functions/order"
)

func TestCheckoutUpdate(t *testing.T) {
	t.Parallel()
	s := open(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	body := checkoutBody(fixtures.Item(cup, 1))
	body["name"], body["discountCodes"] = "Amira", []any{"SPRING"}
	c := s.mustCreateCheckout(t, "", body)

	var updated order.Checkout
	s.updateCheckout(t, c.Token, c, map[string]any{"name": nil, "discountCodes": nil, "shippingMethod": nil}).MustBe(t, http.StatusOK).Into(t, &updated)
	if updated.Name != "" || updated.Email == "" || updated.ShippingMethod != "" || len(updated.DiscountCodes) != 0 || updated.Items[0].ProductID != cup {
		t.Errorf("cleared %+v", updated)
	}
	s.updateCheckout(t, c.Token, c, map[string]any{"name": "Amira"}).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")

	var unchanged order.Checkout
	s.updateCheckout(t, c.Token, updated, map[string]any{}).MustBe(t, http.StatusOK).Into(t, &unchanged)
	if unchanged.Version != updated.Version {
		t.Errorf("an empty change has the version %d, want %d", unchanged.Version, updated.Version)
	}
	updated = mustRemoveAddress(t, s, c.Token, updated)
	for name, change := range map[string]map[string]any{
		"an incomplete billing address": {"billingAddress": map[string]any{"city": "Berlin"}},
		"a cleared city":                {"shippingAddress": map[string]any{"city": ""}},
		"no items":                      {"items": []any{}},
		"an e-mail address":             {"email": "@"},
		"a cleared e-mail address":      {"email": nil},
	} {
		response := s.updateCheckout(t, c.Token, updated, change)
		response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		if name == "an incomplete billing address" && !strings.Contains(string(response.Body), `"body.billingAddress.line1"`) {
			t.Errorf("%s: %s", name, response.Body)
		}
	}
}

// mustRemoveAddress sets, merges and, by null, removes an address, and returns the last state.
func mustRemoveAddress(t *testing.T, s testService, token string, c order.Checkout) order.Checkout {
	t.Helper()
	for _, step := range []struct {
		billing any
		want    string // the city, "" without an address
	}{
		{map[string]any{"name": "Amira Haddad", "line1": "12 Market Street", "postalCode": "10115", "city": "Berlin", "country": "DE"}, "Berlin"},
		{map[string]any{"city": "Potsdam"}, "Potsdam"},
		{nil, ""},
	} {
		response := s.updateCheckout(t, token, c, map[string]any{"billingAddress": step.billing}).MustBe(t, http.StatusOK)
		c = order.Checkout{} // An address that is missing would remain.
		response.Into(t, &c)
		city := ""
		if c.BillingAddress != nil {
			city = c.BillingAddress.City
		}
		if city != step.want {
			t.Errorf("after the change %v the city is %q, want %q", step.billing, city, step.want)
		}
	}
	return c
}
