package e2e_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/order"
	"souk/functions/product"
	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
)

// keyedOrder is an order to place under a key. The order carries the key, as the
// name of its address, so that whatever becomes of the response it can be found.
func keyedOrder(customer, key, prefer string, p product.Product) functiontest.Request {
	return functiontest.Request{
		Method: http.MethodPost, Path: "/v1/orders", Token: customer, Header: map[string]string{"Idempotency-Key": key, "Prefer": prefer},
		Body: map[string]any{
			"items":           []map[string]any{{"productId": p.ID, "quantity": 1}},
			"shippingAddress": map[string]any{"name": key, "line1": "12 Market Street", "postalCode": "10115", "city": "Berlin", "country": "DE"},
		},
	}
}

// mustSettle sends a request until its response is the stored one. A first response
// that waited for the decision shows more.
func (s *system) mustSettle(t *testing.T, r functiontest.Request) (answer functiontest.Response) {
	t.Helper()
	eventually(t, "the key has its stored response", func() bool {
		answer = s.do(t, r)
		return answer.Status == http.StatusCreated && answer.Header.Get(idempotency.HeaderReplayed) == "true"
	})
	return answer
}

// TestKillKeyedSends kills order-place, again and again, in the middle of orders
// that several clients at once send under the same keys, half of them with a wait.
// Whatever became of each, there is one order a key, every send has its response in
// the end, and one that was acknowledged once is acknowledged with the same order.
func TestKillKeyedSends(t *testing.T) {
	s := open(t)
	s.mustBeOurs(t)
	admin, customer := s.admin(t), s.customer(t)
	const orders, clients = 60, 4
	p := s.mustCreate(t, admin, customer, 2*orders)
	stop := s.killOften(t, "order-place", 100*time.Millisecond)
	requests := make([]functiontest.Request, orders)
	acknowledged := make([][clients]functiontest.Response, orders)
	for i := range requests {
		requests[i] = keyedOrder(customer, uuid.NewString(), []string{"", "wait=1"}[i%2], p)
		var all sync.WaitGroup
		for client := range clients {
			all.Go(func() { acknowledged[i][client] = s.do(t, requests[i]) }) // whatever the response is
		}
		all.Wait()
	}
	killed := stop()
	answers := make([]functiontest.Response, orders)
	var all sync.WaitGroup
	for i := range requests {
		all.Go(func() { answers[i] = s.mustSettle(t, requests[i]) })
	}
	all.Wait()
	for i := range acknowledged {
		for _, first := range acknowledged[i] {
			if first.Status == http.StatusCreated && first.Header.Get("Location") != answers[i].Header.Get("Location") {
				t.Errorf("key %d has the order %s, then %s", i, first.Header.Get("Location"), answers[i].Header.Get("Location"))
			}
		}
	}
	if !t.Failed() {
		s.mustHaveOneOrderAKey(t, admin, p, requests, answers)
	}
	t.Logf("killed order-place %d times while %d clients sent %d keys", killed, clients, orders)
}

// mustHaveOneOrderAKey compares the orders that there are with the final
// responses of their keys.
func (s *system) mustHaveOneOrderAKey(t *testing.T, admin string, p product.Product, requests []functiontest.Request, answers []functiontest.Response) {
	t.Helper()
	byKey := map[string][]uuid.UUID{}
	for _, all := range s.mustAddUp(t, admin, p) {
		for _, o := range all {
			if o.ShippingAddress != nil {
				byKey[o.ShippingAddress.Name] = append(byKey[o.ShippingAddress.Name], o.ID)
			}
		}
	}
	for i, r := range requests {
		key := r.Header["Idempotency-Key"]
		created := byKey[key]
		if len(created) != 1 {
			t.Errorf("key %s has the orders %v, want one; the response is %d %s", key, created, answers[i].Status, answers[i].Body)
			continue
		}
		again := s.do(t, r)
		var o order.Order
		if answers[i].Into(t, &o); o.ID != created[0] || again.Status != http.StatusCreated || string(again.Body) != string(answers[i].Body) {
			t.Errorf("key %s has the response %s, then %d %s, and has the order %s", key, answers[i].Body, again.Status, again.Body, created[0])
		}
	}
}
