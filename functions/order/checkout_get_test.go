package order_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

// TestCheckoutGet requires that the ETag changes with the price, and not without.
func TestCheckoutGet(t *testing.T) {
	t.Parallel()
	s := open(t)
	cup := uuid.New()
	s.mustSync(t, cup, 1, "Cup", 500, "active")
	c := s.mustCreateCheckout(t, "", checkoutBody(fixtures.Item(cup, 1)))
	first := s.getCheckout(t, c.Token, c.ID).MustBe(t, http.StatusOK)
	conditional := functiontest.Request{Method: http.MethodGet, Path: "/v1/checkouts/" + c.ID.String(), Token: c.Token,
		Header: map[string]string{"If-None-Match": first.Header.Get("ETag")}}
	s.Do(t, conditional).MustBe(t, http.StatusNotModified)
	s.mustSync(t, cup, 2, "Cup", 501, "active")
	s.Do(t, conditional).MustBe(t, http.StatusOK)
	s.updateCheckout(t, c.Token, c, map[string]any{"name": "Amira"}).MustBe(t, http.StatusOK)
}
