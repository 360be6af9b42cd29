package product_test

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/event"
	"souk/shared/function/functiontest"
	"souk/shared/money"
)

// item returns one line of an order-placed event.
func item(p product.Product, quantity int) map[string]any {
	line := fixtures.Item(p.ID, quantity)
	line["unitPrice"] = p.Price
	return line
}

// placedEvent returns an order-placed event.
func placedEvent(t *testing.T, orderID uuid.UUID, items ...map[string]any) event.Event {
	t.Helper()
	return functiontest.NewEvent(t, "order-placed", fixtures.OrderPlaced(orderID, items...))
}

func (s shop) mustReserve(t *testing.T, e event.Event) {
	t.Helper()
	s.Deliver(t, "stock-reserve", e).MustBe(t, http.StatusNoContent)
}

// outcome returns the published outcome of an order: "reserved", the reason of its
// rejection, or "" if no event was published. It fails the test for several events.
func (s shop) outcome(t *testing.T, orderID uuid.UUID) string {
	t.Helper()
	outcomes := []string{}
	for _, eventType := range []string{"stock-reserved", "stock-rejected"} {
		for _, e := range s.Published.Events(eventType) {
			outcome := struct {
				OrderID uuid.UUID
				Reason  string
			}{Reason: "reserved"}
			if err := json.Unmarshal(e.Payload, &outcome); err != nil {
				t.Fatal(err)
			}
			if outcome.OrderID == orderID {
				outcomes = append(outcomes, outcome.Reason)
			}
		}
	}
	if len(outcomes) > 1 {
		t.Fatalf("the outcomes of order %s are %v", orderID, outcomes)
	}
	if len(outcomes) == 0 {
		return ""
	}
	return outcomes[0]
}

func TestReserveStock(t *testing.T) {
	t.Parallel()
	s := open(t)
	expect := func(t *testing.T, orderID uuid.UUID, want string) {
		t.Helper()
		if got := s.outcome(t, orderID); got != want {
			t.Errorf("outcome is %q, want %q", got, want)
		}
	}
	stock := func(t *testing.T, p product.Product, want int64) {
		t.Helper()
		if got := s.mustGet(t, p.ID).Available; got != want {
			t.Errorf("%s: %d available, want %d", p.SKU, got, want)
		}
	}

	t.Run("all items of an order are reserved", func(t *testing.T) {
		t.Parallel()
		a, b, id := s.mustCreate(t, fixtures.Product("A1", 5)), s.mustCreate(t, fixtures.Product("B1", 5)), uuid.New()
		s.mustReserve(t, placedEvent(t, id, item(b, 2), item(a, 5)))
		expect(t, id, "reserved")
		stock(t, a, 0)
		stock(t, b, 3)
	})

	t.Run("nothing is reserved if one item is short", func(t *testing.T) {
		t.Parallel()
		a, b, id := s.mustCreate(t, fixtures.Product("A2", 5)), s.mustCreate(t, fixtures.Product("B2", 1)), uuid.New()
		s.mustReserve(t, placedEvent(t, id, item(a, 5), item(b, 2)))
		expect(t, id, "insufficient_stock")
		stock(t, a, 5)
		stock(t, b, 1)
	})

	t.Run("an order at an old price is rejected", func(t *testing.T) {
		t.Parallel()
		p, id := s.mustCreate(t, fixtures.Product("C", 5)), uuid.New()
		s.patch(t, p.ID, "*", map[string]any{"price": map[string]any{"amount": 1499, "currency": "EUR"}}).MustBe(t, http.StatusOK)
		s.mustReserve(t, placedEvent(t, id, item(p, 1)))
		expect(t, id, "price_changed")
		stock(t, p, 5)
	})

	t.Run("an order for a missing product is rejected", func(t *testing.T) {
		t.Parallel()
		id := uuid.New()
		s.mustReserve(t, placedEvent(t, id, item(product.Product{ID: uuid.New(), Price: money.Money{Amount: 1, Currency: "EUR"}}, 1)))
		expect(t, id, "product_unavailable")
	})

	t.Run("repeated and concurrent deliveries reserve once", func(t *testing.T) {
		t.Parallel()
		p, id := s.mustCreate(t, fixtures.Product("D", 5)), uuid.New()
		e := placedEvent(t, id, item(p, 2))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { s.mustReserve(t, e) })
		}
		all.Wait()
		s.mustReserve(t, placedEvent(t, id, item(p, 2))) // the same order in another event
		expect(t, id, "reserved")
		stock(t, p, 3)
	})

	t.Run("50 of 200 concurrent orders reserve the last 50 units", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, fixtures.Product("E", 50))
		ids := make([]uuid.UUID, 200)
		var all sync.WaitGroup
		limit := make(chan struct{}, 32)
		for i := range ids {
			ids[i] = uuid.New()
			e := placedEvent(t, ids[i], item(p, 1))
			all.Go(func() {
				limit <- struct{}{}
				defer func() { <-limit }()
				s.mustReserve(t, e)
			})
		}
		all.Wait()
		count := map[string]int{}
		for _, id := range ids {
			count[s.outcome(t, id)]++
		}
		if count["reserved"] != 50 || count["insufficient_stock"] != 150 {
			t.Errorf("outcomes %v, want 50 reserved and 150 insufficient_stock", count)
		}
		stock(t, p, 0)
	})

	t.Run("orders with the same products in opposite order do not deadlock", func(t *testing.T) {
		t.Parallel()
		a, b := s.mustCreate(t, fixtures.Product("A3", 40)), s.mustCreate(t, fixtures.Product("B3", 40))
		var all sync.WaitGroup
		for i := range 40 {
			items := []map[string]any{item(a, 1), item(b, 1)}
			if i%2 == 0 {
				items[0], items[1] = items[1], items[0]
			}
			e := placedEvent(t, uuid.New(), items...)
			all.Go(func() { s.mustReserve(t, e) })
		}
		all.Wait()
		stock(t, a, 0)
		stock(t, b, 0)
	})

	t.Run("other callers than Pub/Sub and invalid events are rejected", func(t *testing.T) {
		t.Parallel()
		for name, token := range map[string]string{"anonymous": "", "admin": s.admin} {
			if status := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/stock-reserve", Token: token, Body: "{}"}).Status; status != http.StatusUnauthorized {
				t.Errorf("%s: status %d, want 401", name, status)
			}
		}
		for _, body := range []string{"", "[]", "{}", `{"message":{"attributes":{"id":"x"}}}`} {
			s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/stock-reserve", Token: s.Tokens.Push(t), Body: body}).
				MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
}
