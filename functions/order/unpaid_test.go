package order_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

// placeUnpaid completes a checkout of a guest who comes from a network.
func (s testService) placeUnpaid(t *testing.T, email, network string, product uuid.UUID) functiontest.Response {
	t.Helper()
	body := checkoutBody(fixtures.Item(product, 1))
	body["email"] = email
	c := s.mustCreateCheckout(t, "", body)
	complete := functiontest.Request{Method: http.MethodPost, Path: "/v1/checkouts/" + c.ID.String() + "/complete", Token: c.Token,
		Header: map[string]string{"X-Forwarded-For": network + ", 127.0.0.1"}, Body: map[string]any{"version": c.Version, "total": c.Total}}
	response := s.Do(t, complete)
	for response.Status == http.StatusServiceUnavailable { // no connection in time, no effect
		response = s.Do(t, complete)
	}
	return response
}

// TestUnpaidLimits requires that unpaid orders are limited by mailbox and by network, also when they
// are placed at once.
func TestUnpaidLimits(t *testing.T) {
	t.Parallel()
	settings := config.Environment{"PAYMENTS": "on", "ORDER_MAX_UNPAID": "3", "ORDER_MAX_UNPAID_OF_NETWORK": "5"}
	s := openWith(t, settings)
	cup := s.mustAddProduct(t, "Cup", 500)
	mailbox := func(int) string { return uuid.NewString() + "@example.com" }
	for name, test := range map[string]struct {
		email, network func(i int) string
		limit          int
	}{
		"a mailbox":        {func(i int) string { return []string{"ada@example.com", "ADA@example.COM"}[i%2] }, func(i int) string { return fmt.Sprintf("198.51.100.%d", i) }, 3},
		"an IPv4 address":  {mailbox, func(int) string { return "203.0.113.7" }, 5},
		"an IPv6 network":  {mailbox, func(i int) string { return fmt.Sprintf("2001:db8:1:2::%x", i) }, 5},
		"the machine":      {mailbox, func(int) string { return "127.0.0.1" }, 12},
		"a private client": {mailbox, func(int) string { return "10.0.0.1" }, 12},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			responses := make(chan functiontest.Response, 12)
			var all sync.WaitGroup
			for i := range cap(responses) {
				all.Go(func() { responses <- s.placeUnpaid(t, test.email(i), test.network(i), cup) })
			}
			all.Wait()
			close(responses)
			placed := 0
			for response := range responses {
				if response.Status == http.StatusConflict {
					response.MustBeProblem(t, http.StatusConflict, "too_many_unpaid_orders")
					continue
				}
				response.MustBe(t, http.StatusOK)
				placed++
			}
			if placed != test.limit {
				t.Errorf("%d orders were placed, want %d", placed, test.limit)
			}
		})
	}

	t.Run("orders that are paid or cancelled do not count", func(t *testing.T) {
		t.Parallel()
		buyer := s.customer(t)
		var placed []order.Order
		for range 3 {
			placed = append(placed, s.mustPlace(t, buyer, fixtures.Item(cup, 1)))
		}
		s.place(t, buyer, fixtures.Item(cup, 1)).MustBeProblem(t, http.StatusConflict, "too_many_unpaid_orders")
		s.cancel(t, buyer.token, placed[0].ID).MustBe(t, http.StatusOK)
		if _, err := s.DB.ExecContext(t.Context(), `UPDATE orders SET status = ? WHERE id = ?`, order.Confirmed, placed[1].ID[:]); err != nil {
			t.Fatal(err)
		}
		s.mustPlace(t, buyer, fixtures.Item(cup, 1))
		s.mustPlace(t, buyer, fixtures.Item(cup, 1))
		s.place(t, buyer, fixtures.Item(cup, 1)).MustBeProblem(t, http.StatusConflict, "too_many_unpaid_orders")
	})

	t.Run("sources of settled orders are deleted by the sweep", func(t *testing.T) {
		t.Parallel()
		s := openWith(t, config.Environment{"PAYMENTS": "on", "ORDER_MAX_UNPAID": "400"})
		cup, buyer := s.mustAddProduct(t, "Cup", 500), s.customer(t)
		var placed []order.Order
		for range 3 {
			placed = append(placed, s.mustPlace(t, buyer, fixtures.Item(cup, 1)))
		}
		for i, status := range []order.Status{order.Confirmed, order.Cancelled, order.AwaitingPayment} {
			if _, err := s.DB.ExecContext(t.Context(), `UPDATE orders SET status = ? WHERE id = ?`, status, placed[i].ID[:]); err != nil {
				t.Fatal(err)
			}
		}
		// More than a page, and one whose order is missing.
		if _, err := s.DB.ExecContext(t.Context(), `
			INSERT INTO unpaid_order (source, order_id, placed_at)
			SELECT UNHEX(LPAD(HEX(n), 32, '0')), IF(n = 7, UNHEX(REPEAT('0', 32)), ?), UTC_TIMESTAMP(6)
			FROM (WITH RECURSIVE seq (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seq WHERE n < 999) SELECT n FROM seq) numbers`, placed[0].ID[:]); err != nil {
			t.Fatal(err)
		}
		s.sweep(t)
		if n := s.mustCount(t, `SELECT COUNT(*) FROM unpaid_order WHERE order_id <> ?`, placed[2].ID[:]); n != 0 {
			t.Errorf("%d sources of settled orders remain", n)
		}
		if n := s.mustCount(t, `SELECT COUNT(*) FROM unpaid_order WHERE order_id = ?`, placed[2].ID[:]); n != 1 {
			t.Errorf("%d sources of an unpaid order, want its customer", n)
		}
	})

	t.Run("old sources are deleted, and those of a deleted account", func(t *testing.T) {
		t.Parallel()
		s := openWith(t, settings)
		cup, buyer := s.mustAddProduct(t, "Cup", 500), s.customer(t)
		s.mustPlace(t, buyer, fixtures.Item(cup, 1))
		s.mustDeleteUser(t, buyer.UserID)
		for _, query := range []string{`SELECT COUNT(*) FROM unpaid_order`, `SELECT COUNT(*) FROM order_source`} {
			if n := s.mustCount(t, query); n != 0 {
				t.Errorf("%s of a deleted account: %d", query, n)
			}
		}
		s.placeUnpaid(t, "ada@example.com", "203.0.113.8", cup).MustBe(t, http.StatusOK)
		s.sweep(t)
		if n := s.mustCount(t, `SELECT COUNT(*) FROM unpaid_order`); n != 2 {
			t.Errorf("%d sources of an unpaid order, want mailbox and network", n)
		}
		for _, statement := range []string{`UPDATE unpaid_order SET placed_at = '2026-01-01'`, `UPDATE order_source SET used_at = '2026-01-01'`} {
			if _, err := s.DB.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		s.sweep(t)
		if n := s.mustCount(t, `SELECT COUNT(*) FROM unpaid_order`) + s.mustCount(t, `SELECT COUNT(*) FROM order_source`); n != 0 {
			t.Errorf("%d old sources remain", n)
		}
	})
}

// TestGuestLimits requires that the limits of customers hold for the mailbox of guests.
func TestGuestLimits(t *testing.T) {
	t.Parallel()
	s := openWith(t, config.Environment{"ORDER_MAX_OPEN": "2", "ORDER_MAX_PIECES": "5"})
	cup := s.mustAddProduct(t, "Cup", 500)
	place := func(email string, quantity int) functiontest.Response {
		c := s.mustCreateCheckout(t, "", with(checkoutBody(fixtures.Item(cup, quantity)), map[string]any{"email": email}))
		return s.completeCheckout(t, c.Token, c)
	}
	place("ada@example.com", 4).MustBe(t, http.StatusOK)
	place("Ada@Example.com", 2).MustBeProblem(t, http.StatusConflict, "quantity_limit_reached")
	place("Ada@Example.com", 1).MustBe(t, http.StatusOK)
	place("ada@example.com", 1).MustBeProblem(t, http.StatusConflict, "too_many_open_orders")
	place("bea@example.com", 5).MustBe(t, http.StatusOK)
}

// TestSourcesInEvent requires that order-placed names the sources of an order that must be paid, the
// same for each order of a guest, and none of the guest's data in them.
func TestSourcesInEvent(t *testing.T) {
	t.Parallel()
	s := openWith(t, config.Environment{"PAYMENTS": "on"})
	cup := s.mustAddProduct(t, "Cup", 500)
	for _, network := range []string{"203.0.113.9", "203.0.113.9", "10.0.0.1"} {
		s.placeUnpaid(t, "ada@example.com", network, cup).MustBe(t, http.StatusOK)
	}
	var sources [][]uuid.UUID
	for _, e := range s.Published.Events("order-placed") {
		var placed order.Placed
		if err := json.Unmarshal(e.Payload, &placed); err != nil {
			t.Fatal(err)
		}
		sources = append(sources, placed.Sources)
	}
	if len(sources) != 3 || len(sources[0]) != 2 || sources[0][0] == sources[0][1] {
		t.Fatalf("sources %v, want a mailbox and a network", sources)
	}
	if diff := cmp.Diff([][]uuid.UUID{sources[0], sources[0], sources[0][:1]}, sources); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}

	s = openWith(t, nil)
	s.placeUnpaid(t, "ada@example.com", "203.0.113.9", s.mustAddProduct(t, "Cup", 500)).MustBe(t, http.StatusOK)
	for _, e := range s.Published.Events("order-placed") {
		if strings.Contains(string(e.Payload), "sources") {
			t.Errorf("an order without payment has sources: %s", e.Payload)
		}
	}
}
