package e2e_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/product"
	"souk/shared/function/functiontest"
	"souk/shared/idempotency"
)

// keyedOrder returns a request to place an order under a key. The address of the order
// contains the key, so that the order can be found without its response.
func keyedOrder(customer, key, prefer string, p product.Product) functiontest.Request {
	body := fixtures.Order(fixtures.Item(p.ID, 1))
	body["shippingAddress"] = fixtures.ShortAddress(key)
	r := fixtures.PlaceOrder(customer, body)
	r.Header = map[string]string{"Idempotency-Key": key, "Prefer": prefer}
	return r
}

// mustReplay sends a request until its response is the stored one. The first response may
// differ, if it waited for the decision.
func (s *system) mustReplay(t *testing.T, r functiontest.Request) (response functiontest.Response) {
	t.Helper()
	eventually(t, "the key has its stored response", func() bool {
		response = s.do(t, r)
		return response.Status == http.StatusCreated && response.Header.Get(idempotency.HeaderReplayed) == "true"
	})
	return response
}

// TestKillKeyedSends kills order-place repeatedly while several clients place orders under
// the same keys, half of them with a wait. Each key must have one order, every request must
// have a response in the end, and all responses to a key must name the same order.
func TestKillKeyedSends(t *testing.T) {
	parallel(t)
	s := openSystem(t)
	s.skipUnlessOwned(t)
	admin, customer := s.admin(t), s.customer(t)
	const orders, clients = 60, 4
	p := s.mustCreateProduct(t, admin, customer, 2*orders)
	stop := s.killRepeatedly(t, "order-place", 100*time.Millisecond)
	requests := make([]functiontest.Request, orders)
	acknowledged := make([][clients]functiontest.Response, orders)
	for i := range requests {
		requests[i] = keyedOrder(customer, uuid.NewString(), []string{"", "wait=1"}[i%2], p)
		var all sync.WaitGroup
		for client := range clients {
			all.Go(func() { acknowledged[i][client] = s.do(t, requests[i]) }) // with any response
		}
		all.Wait()
	}
	killed := stop()
	responses := make([]functiontest.Response, orders)
	var all sync.WaitGroup
	for i := range requests {
		all.Go(func() { responses[i] = s.mustReplay(t, requests[i]) })
	}
	all.Wait()
	for i := range acknowledged {
		for _, first := range acknowledged[i] {
			if first.Status == http.StatusCreated && first.Header.Get("Location") != responses[i].Header.Get("Location") {
				t.Errorf("key %d has the order %s, then %s", i, first.Header.Get("Location"), responses[i].Header.Get("Location"))
			}
		}
	}
	if !t.Failed() {
		s.requireOneOrderPerKey(t, admin, p, requests, responses)
	}
	t.Logf("killed order-place %d times while %d clients sent %d keys", killed, clients, orders)
}

// requireOneOrderPerKey compares the existing orders with the final responses of their
// keys.
func (s *system) requireOneOrderPerKey(t *testing.T, admin string, p product.Product, requests []functiontest.Request, responses []functiontest.Response) {
	t.Helper()
	byKey := map[string][]uuid.UUID{}
	for _, all := range s.mustReconcile(t, admin, p) {
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
			t.Errorf("key %s has the orders %v, want one; the response is %d %s", key, created, responses[i].Status, responses[i].Body)
			continue
		}
		again := s.do(t, r)
		var o order.Order
		if responses[i].Into(t, &o); o.ID != created[0] || again.Status != http.StatusCreated || string(again.Body) != string(responses[i].Body) {
			t.Errorf("key %s has the response %s, then %d %s, and has the order %s", key, responses[i].Body, again.Status, again.Body, created[0])
		}
	}
}
