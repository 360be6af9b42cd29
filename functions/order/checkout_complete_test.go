package order_test

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/function/functiontest"
	"souk/shared/money"
)

// TestCheckoutChanged requires that an order is placed only at the total and version that the
// customer has agreed to.
func TestCheckoutChanged(t *testing.T) {
	t.Parallel()
	s := open(t)
	cup := uuid.New()
	s.mustSync(t, cup, 1, "Cup", 500, "active")
	c := s.mustCreateCheckout(t, "", checkoutBody(fixtures.Item(cup, 2)))
	token := c.Token
	requireChanged := func(stale order.Checkout, total money.Money) order.Checkout {
		t.Helper()
		response := s.completeCheckout(t, token, stale)
		response.MustBeProblem(t, http.StatusConflict, "checkout_changed")
		var problem struct{ Current order.Checkout }
		if err := json.Unmarshal(response.Body, &problem); err != nil {
			t.Fatal(err)
		}
		if problem.Current.Total != total {
			t.Errorf("the checkout is now %+v, want the total %v", problem.Current, total)
		}
		if n := s.mustCount(t, `SELECT COUNT(*) FROM orders`); n != 0 {
			t.Errorf("%d orders were placed", n)
		}
		return problem.Current
	}
	s.mustSync(t, cup, 2, "Cup", 501, "active")
	now := requireChanged(c, money.Money{Amount: 1002, Currency: "EUR"})
	s.updateCheckout(t, token, c, map[string]any{"name": "Amira"}).MustBe(t, http.StatusOK)
	now = requireChanged(now, money.Money{Amount: 1002, Currency: "EUR"})
	wrongCurrency := now
	wrongCurrency.Total.Currency = "USD"
	requireChanged(wrongCurrency, now.Total)
	var o order.Order
	s.completeCheckout(t, token, now).MustBe(t, http.StatusOK).Into(t, &o)
	if o.Total != now.Total || o.Name != "Amira" {
		t.Errorf("placed %+v", o)
	}
	archived := s.mustCreateCheckout(t, "", checkoutBody(fixtures.Item(cup, 1)))
	s.mustSync(t, cup, 3, "Cup", 501, "archived")
	s.completeCheckout(t, archived.Token, archived).MustBeProblem(t, http.StatusConflict, "product_unavailable")
}

// TestCheckoutCompleteRaces completes one checkout 20 times at once, some while it is changed: one
// order is placed, at a total that the checkout had with its version, and all get it.
func TestCheckoutCompleteRaces(t *testing.T) {
	t.Parallel()
	s := open(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	for _, changes := range []int{0, 5} {
		c := s.mustCreateCheckout(t, "", checkoutBody(fixtures.Item(cup, 1)))
		responses := make(chan functiontest.Response, 20)
		var all sync.WaitGroup
		for range cap(responses) {
			all.Go(func() {
				response := s.completeCheckout(t, c.Token, c)
				for response.Status == http.StatusServiceUnavailable { // no connection in time, no effect
					response = s.completeCheckout(t, c.Token, c)
				}
				responses <- response
			})
		}
		for range changes {
			all.Go(func() { s.updateCheckout(t, c.Token, c, map[string]any{"items": []any{fixtures.Item(cup, 2)}}) })
		}
		all.Wait()
		close(responses)
		placed := map[uuid.UUID]int{}
		for response := range responses {
			if response.Status == http.StatusConflict && changes > 0 {
				response.MustBeProblem(t, http.StatusConflict, "checkout_changed")
				continue
			}
			var o order.Order
			response.MustBe(t, http.StatusOK).Into(t, &o)
			if o.Total != c.Total {
				t.Errorf("the order's total is %v, want the agreed %v", o.Total, c.Total)
			}
			placed[o.ID]++
		}
		stored := s.mustCount(t, `SELECT COUNT(*) FROM orders WHERE user_id = ?`, c.ID[:])
		if len(placed) > 1 || stored != len(placed) || changes == 0 && stored != 1 {
			t.Errorf("with %d changes: the responses have the orders %v, %d are stored", changes, placed, stored)
		}
		if published := len(s.Published.Events("order-placed")); changes == 0 && published != 1 {
			t.Errorf("%d orders were published", published)
		}
	}
}

// TestCheckoutExpires requires that an expired checkout is missing, and deleted.
func TestCheckoutExpires(t *testing.T) {
	t.Parallel()
	s := openWith(t, map[string]string{"CHECKOUT_FOR": "1m"})
	cup := s.mustAddProduct(t, "Cup", 500)
	buyer := s.customer(t)
	c, lasting := s.mustCreateCheckout(t, buyer.token, checkoutBody(fixtures.Item(cup, 1))), s.mustCreateCheckout(t, "", checkoutBody(fixtures.Item(cup, 1)))
	if _, err := s.DB.ExecContext(t.Context(), `UPDATE checkout SET expires_at = created_at WHERE id = ?`, c.ID[:]); err != nil {
		t.Fatal(err)
	}
	s.getCheckout(t, buyer.token, c.ID).MustBeProblem(t, http.StatusNotFound, "checkout_not_found")
	s.completeCheckout(t, buyer.token, c).MustBeProblem(t, http.StatusNotFound, "checkout_not_found")
	s.sweep(t)
	if n := s.mustCount(t, `SELECT COUNT(*) FROM checkout`); n != 1 {
		t.Errorf("%d checkouts remain, want the one that has not expired", n)
	}
	s.completeCheckout(t, lasting.Token, lasting).MustBe(t, http.StatusOK)
	if n := s.mustCount(t, `SELECT COUNT(*) FROM checkout WHERE order_id IS NOT NULL AND expires_at >= updated_at + INTERVAL 1 DAY`); n != 1 {
		t.Errorf("%d completed checkouts are retained for a day, want 1", n)
	}
}
