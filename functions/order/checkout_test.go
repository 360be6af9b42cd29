package order_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/function/functiontest"
)

// checkoutBody returns the body of a checkout that can be completed in germanShop.
func checkoutBody(items ...map[string]any) map[string]any {
	return map[string]any{
		"items": items, "email": "Amira@Example.com", "shippingAddress": fixtures.ShortAddress("Amira Haddad"), "shippingMethod": "standard",
	}
}

// mustCreateCheckout creates a checkout, of a guest if the token is empty.
func (s testService) mustCreateCheckout(t *testing.T, token string, body map[string]any) order.Checkout {
	t.Helper()
	var c order.Checkout
	response := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/checkouts", Token: token, Body: body}).MustBe(t, http.StatusCreated)
	response.Into(t, &c)
	if got, want := response.Header.Get("Location"), "/v1/checkouts/"+c.ID.String(); got != want {
		t.Errorf("Location is %q, want %q", got, want)
	}
	if isGuest := token == ""; (c.Token != "") != isGuest {
		t.Fatalf("the token is %q", c.Token)
	}
	return c
}

func (s testService) getCheckout(t *testing.T, token string, id uuid.UUID) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/checkouts/" + id.String(), Token: token})
}

func (s testService) updateCheckout(t *testing.T, token string, c order.Checkout, change map[string]any) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPatch, Path: "/v1/checkouts/" + c.ID.String(), Token: token,
		Header: map[string]string{"If-Match": `"` + json.Number(jsonText(t, c.Version)).String() + `"`}, Body: change})
}

// completeCheckout completes a checkout at the version and total that it shows.
func (s testService) completeCheckout(t *testing.T, token string, c order.Checkout) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/checkouts/" + c.ID.String() + "/complete", Token: token,
		Body: map[string]any{"version": c.Version, "total": c.Total}})
}

func jsonText(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// requireShownSums fails the test unless what a checkout shows adds up.
func requireShownSums(t *testing.T, c *order.Checkout) {
	t.Helper()
	requireSums(t, &order.Order{Items: c.Items, Prices: c.Prices})
}

func problemCodes(c order.Checkout) (codes []string) {
	for _, p := range c.Problems {
		codes = append(codes, p.Location+" "+p.Code)
	}
	return codes
}

// TestCheckout walks through the checkout of a guest.
func TestCheckout(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, germanShop())
	s.mustCreateDiscount(t, map[string]any{"name": "Welcome", "code": "WELCOME", "kind": "amount", "amount": fixtures.Price(1000)})
	pot, tea := s.mustAddTaxed(t, 3990, "", "pots", 800), s.mustAddTaxed(t, 649, "food", "tea", 250)
	c := s.mustCreateCheckout(t, "", map[string]any{"items": []any{fixtures.Item(pot, 1)}})
	token := c.Token
	requireShownSums(t, &c)
	if got := jsonText(t, problemCodes(c)); got != `["email required","name required","shippingAddress shipping_no_address"]` {
		t.Errorf("problems %s", got)
	}
	if c.Total.Amount != 3990 || c.Shipping != nil || len(c.ShippingOptions) != 0 || c.Version != 1 {
		t.Errorf("created %+v", c)
	}
	update := func(change map[string]any) {
		t.Helper()
		version := c.Version
		c = order.Checkout{}
		s.updateCheckout(t, token, order.Checkout{ID: uuidOf(t, token, s), Version: version}, change).MustBe(t, http.StatusOK).Into(t, &c)
		requireShownSums(t, &c)
		if c.Version != version+1 || c.Token != "" {
			t.Errorf("updated %+v", c)
		}
	}
	update(map[string]any{"items": []any{fixtures.Item(pot, 1), fixtures.Item(tea, 3)}, "email": "amira@example.com"})
	update(map[string]any{"shippingAddress": fixtures.ShortAddress("Amira Haddad"), "discountCodes": []any{"NOPE", "welcome"}})
	if got := jsonText(t, problemCodes(c)); got != `["discountCodes[0] discount_code_unknown","shippingMethod shipping_not_chosen"]` {
		t.Errorf("problems %s", got)
	}
	if len(c.ShippingOptions) == 0 || c.ShippingOptions[0].Method != "standard" {
		t.Errorf("options %+v", c.ShippingOptions)
	}
	s.completeCheckout(t, token, c).MustBeProblem(t, http.StatusConflict, "discount_code_unknown")
	update(map[string]any{"discountCodes": []any{"welcome"}, "shippingMethod": "standard", "shippingAddress": map[string]any{"line2": "c/o Ada"}})
	if len(c.Problems) != 0 || c.Total.Amount != 5427 || c.Tax.Amount != 714 || c.Discount.Amount != 1000 || c.ShippingAddress.Line2 != "c/o Ada" || c.ShippingAddress.City != "Potsdam" {
		t.Errorf("updated %+v", c)
	}

	response := s.completeCheckout(t, token, c)
	var o order.Order
	response.MustBe(t, http.StatusOK).Into(t, &o)
	requireSums(t, &o)
	if jsonText(t, o.Prices) != jsonText(t, c.Prices) || jsonText(t, o.Items) != jsonText(t, c.Items) {
		t.Errorf("the order has the prices %+v %+v, the checkout %+v %+v", o.Prices, o.Items, c.Prices, c.Items)
	}
	if o.UserID != c.ID || o.Email != "amira@example.com" || o.Name != "Amira Haddad" || o.BillingAddress == nil || *o.BillingAddress != *o.ShippingAddress {
		t.Errorf("the order is %+v", o)
	}
	if got := s.mustGet(t, token, o.ID); got.Total != o.Total || got.Email != o.Email {
		t.Errorf("the guest reads the order %+v", got)
	}
	if placed := s.publishedPlaced(t, o.ID); placed.Total != o.Total || placed.UserID != c.ID {
		t.Errorf("order-placed is %+v", placed)
	}
	s.updateCheckout(t, token, order.Checkout{ID: c.ID, Version: c.Version + 1}, map[string]any{"name": "Eve"}).MustBeProblem(t, http.StatusConflict, "checkout_completed")
	var completed order.Checkout
	s.getCheckout(t, token, c.ID).MustBe(t, http.StatusOK).Into(t, &completed)
	if completed.OrderID == nil || *completed.OrderID != o.ID {
		t.Errorf("the completed checkout is %+v", completed)
	}
	s.cancel(t, token, o.ID).MustBe(t, http.StatusOK).Into(t, &o)
	if entry := o.History[len(o.History)-1]; entry.Actor != order.Customer || entry.Reason != "by_customer" {
		t.Errorf("the guest's cancellation is %+v", entry)
	}
	if events := s.published(t, "order-cancelled", o.ID); len(events) != 1 || events[0].Email != "amira@example.com" || events[0].Name != "Amira Haddad" {
		t.Errorf("order-cancelled is %+v", events)
	}
}

// uuidOf returns the id of the checkout that a token is for.
func uuidOf(t *testing.T, token string, s testService) uuid.UUID {
	t.Helper()
	p, err := s.Tokens.Checkouts.Verify(token, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return p.UserID
}
