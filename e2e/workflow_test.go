package e2e_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/product"
	"souk/shared/function/functiontest"
)

// TestWorkflow runs the workflow of an order through all functions.
func TestWorkflow(t *testing.T) {
	parallel(t)
	s := openSystem(t)
	admin, customer := s.admin(t), s.customer(t)
	place := func(t *testing.T, p product.Product, quantity int) order.Order {
		t.Helper()
		var o order.Order
		s.place(t, customer, "wait=20", p.ID, quantity).MustBe(t, http.StatusCreated).Into(t, &o)
		return o
	}

	t.Run("an order is confirmed and reserves stock, and its cancellation releases the stock", func(t *testing.T) {
		p := s.mustCreateProduct(t, admin, customer, 5)
		o := place(t, p, 2)
		if o.Status != order.Confirmed || o.Total.Amount != 2598 {
			t.Fatalf("the order is %+v", o)
		}
		if got := s.mustGetProduct(t, p.ID).Available; got != 3 {
			t.Errorf("%d in stock, want 3", got)
		}
		s.do(t, fixtures.ChangeOrderStatus(customer, o.ID, "cancel")).MustBe(t, http.StatusOK)
		eventually(t, "the stock is released", func() bool { return s.mustGetProduct(t, p.ID).Available == 5 })
	})

	t.Run("an order that exceeds the stock is rejected with a reason", func(t *testing.T) {
		p := s.mustCreateProduct(t, admin, customer, 5)
		o := place(t, p, 6)
		if o.Status != order.Rejected || o.History[len(o.History)-1].Reason != "insufficient_stock" {
			t.Errorf("the order is %+v", o)
		}
	})

	t.Run("a new price applies to new orders", func(t *testing.T) {
		p := s.mustCreateProduct(t, admin, customer, 5)
		s.do(t, functiontest.Request{Method: http.MethodPatch, Path: "/v1/products/" + p.ID.String(), Token: admin,
			Header: map[string]string{"If-Match": p.ETag()}, Body: fixtures.Object{"price": fixtures.Price(1500)}}).MustBe(t, http.StatusOK)
		eventually(t, "an order is confirmed at the new price", func() bool {
			o := place(t, p, 1)
			return o.Status == order.Confirmed && o.Total.Amount == 1500
		})
	})

	t.Run("a trace connects the client and every function", func(t *testing.T) {
		s.skipUnlessOwned(t)
		p := s.mustCreateProduct(t, admin, customer, 5)
		const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
		s.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: customer,
			Header: map[string]string{"traceparent": "00-" + trace + "-00f067aa0ba902b7-01", "Prefer": "wait=20", "Idempotency-Key": trace},
			Body:   fixtures.Order(fixtures.Item(p.ID, 1))}).MustBe(t, http.StatusCreated)
		want := []string{"order-confirm", "order-place", "stock-reserve", "user-notify", "webhook-fanout"}
		var got []string
		eventually(t, "five functions log the trace", func() bool {
			got = s.tracedFunctions(t, trace)
			return slices.Equal(got, want)
		})
	})

	t.Run("every event is published, also to topics without a subscriber", func(t *testing.T) {
		s.skipUnlessOwned(t)
		for _, log := range s.logs(t) {
			for line := range strings.Lines(log) {
				if strings.Contains(line, "cannot publish") {
					t.Error(line)
				}
			}
		}
	})

	t.Run("the gateway does not route to event functions", func(t *testing.T) {
		for _, path := range []string{"/stock-reserve", "/order-confirm", "/order-outbox"} {
			s.do(t, functiontest.Request{Method: http.MethodPost, Path: path, Token: admin, Body: "{}"}).
				MustBeProblem(t, http.StatusNotFound, "route_not_found")
		}
	})
}

// tracedFunctions returns the functions that logged a request of a trace, sorted.
func (s *system) tracedFunctions(t *testing.T, trace string) []string {
	t.Helper()
	var functions []string
	for _, log := range s.logs(t) {
		for text := range strings.Lines(log) {
			if !strings.Contains(text, trace) {
				continue
			}
			var line struct {
				Message     string
				HTTPRequest json.RawMessage
			}
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatalf("read the log line %s: %v", text, err)
			}
			if line.HTTPRequest != nil {
				functions = append(functions, line.Message)
			}
		}
	}
	slices.Sort(functions)
	return slices.Compact(functions)
}

// TestFlashSale tests the shop's guarantee: the complete stock is sold, and no more.
func TestFlashSale(t *testing.T) {
	parallel(t)
	s := openSystem(t)
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreateProduct(t, admin, customer, 50)
	before := len(s.orders(t, admin, p)[order.Rejected])
	var all sync.WaitGroup
	var overloaded atomic.Int64
	begin := make(chan struct{})
	for range 200 {
		all.Go(func() {
			<-begin
			request := newOrderRequest(customer, "", p.ID, 1)
			response := s.do(t, request)
			// An overloaded shop responds 503, and the client retries.
			eventually(t, "the shop accepts an order", func() bool {
				if response.Status == http.StatusServiceUnavailable {
					overloaded.Add(1)
					response = s.do(t, request)
				}
				return response.Status != http.StatusServiceUnavailable
			})
			response.MustBe(t, http.StatusCreated)
		})
	}
	close(begin)
	all.Wait()
	t.Logf("the shop responded 503 %d times", overloaded.Load())
	byStatus := s.mustReconcile(t, admin, p)
	if got := len(byStatus[order.Confirmed]); got != 50 {
		t.Errorf("%d orders are confirmed, want 50", got)
	}
	if got := len(byStatus[order.Rejected]) - before; got != 150 {
		t.Errorf("%d orders are rejected, want 150", got)
	}
	for _, o := range byStatus[order.Rejected] {
		if got := o.History[len(o.History)-1].Reason; got != "insufficient_stock" {
			t.Errorf("order %s is rejected for %q, want insufficient_stock", o.ID, got)
		}
	}
	if got := s.mustGetProduct(t, p.ID).Available; got != 0 {
		t.Errorf("%d in stock, want 0", got)
	}
}
