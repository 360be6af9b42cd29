package order_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/function/functiontest"
)

// TestCheckoutOfAccount requires that a signed-in customer's checkout is the account's.
func TestCheckoutOfAccount(t *testing.T) {
	t.Parallel()
	s := open(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	buyer, other := s.customer(t), s.customer(t)
	c := s.mustCreateCheckout(t, buyer.token, map[string]any{"items": []any{fixtures.Item(cup, 1)}})
	for _, token := range []string{other.token, s.Tokens.Admin(t), s.Tokens.Checkout(t, uuid.New()), s.Tokens.Checkout(t, c.ID)} {
		s.getCheckout(t, token, c.ID).MustBeProblem(t, http.StatusNotFound, "checkout_not_found")
		s.completeCheckout(t, token, c).MustBeProblem(t, http.StatusNotFound, "checkout_not_found")
	}
	s.getCheckout(t, s.Tokens.Expired(t, buyer.Principal), c.ID).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	var o order.Order
	s.completeCheckout(t, buyer.token, c).MustBe(t, http.StatusOK).Into(t, &o)
	if o.UserID != buyer.UserID || o.Email != "" || s.mustCount(t, `SELECT COUNT(*) FROM guest_order`) != 0 {
		t.Errorf("placed %+v", o)
	}
	unfinished := s.mustCreateCheckout(t, buyer.token, checkoutBody(fixtures.Item(cup, 1)))
	s.mustDeleteUser(t, buyer.UserID)
	s.getCheckout(t, buyer.token, unfinished.ID).MustBeProblem(t, http.StatusNotFound, "checkout_not_found")
	if n := s.mustCount(t, `SELECT COUNT(*) FROM checkout`); n != 0 {
		t.Errorf("%d checkouts of the deleted account remain", n)
	}
	s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/checkouts", Token: buyer.token, Body: checkoutBody(fixtures.Item(cup, 1))}).
		MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
}

// TestCheckoutCreateRefuses requires that invalid content is refused at once.
func TestCheckoutCreateRefuses(t *testing.T) {
	t.Parallel()
	s := open(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	create := func(change map[string]any) functiontest.Response {
		return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/checkouts", Body: with(checkoutBody(fixtures.Item(cup, 1)), change)})
	}
	for name, change := range map[string]map[string]any{
		"no items":              {"items": []any{}},
		"a product twice":       {"items": []any{fixtures.Item(cup, 1), fixtures.Item(cup, 1)}},
		"an e-mail address":     {"email": "amira"},
		"an incomplete address": {"shippingAddress": map[string]any{"name": "Amira"}},
		"a country":             {"billingAddress": with(fixtures.ShortAddress("A"), map[string]any{"country": "XX"})},
		"a user id":             {"userId": uuid.New()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			create(change).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		})
	}
	create(map[string]any{"items": []any{fixtures.Item(uuid.New(), 1)}}).MustBeProblem(t, http.StatusConflict, "product_unavailable")
	if n := s.mustCount(t, `SELECT COUNT(*) FROM checkout`); n != 0 {
		t.Errorf("%d checkouts were stored", n)
	}
}
