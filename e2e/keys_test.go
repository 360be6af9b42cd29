package e2e_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/order"
	"souk/functions/product"
	"souk/shared/function/functiontest"
)

// keyedOrder is an order to place under a key. The order carries the key, as the
// name of its address, so that whatever becomes of the answer it can be found.
func keyedOrder(customer, key string, p product.Product) functiontest.Request {
	return functiontest.Request{
		Method: http.MethodPost, Path: "/v1/orders", Token: customer, Header: map[string]string{"Idempotency-Key": key},
		Body: map[string]any{
			"items":           []map[string]any{{"productId": p.ID, "quantity": 1}},
			"shippingAddress": map[string]any{"name": key, "line1": "12 Market Street", "postalCode": "10115", "city": "Berlin", "country": "DE"},
		},
	}
}

// mustSettle sends a request until its key is in its final state: the answer is
// kept, or known to be lost.
func (s *system) mustSettle(t *testing.T, r functiontest.Request) (answer functiontest.Response) {
	t.Helper()
	eventually(t, "the key has its final answer", func() bool {
		answer = s.do(t, r)
		return answer.Status == http.StatusCreated || strings.Contains(string(answer.Body), "idempotency_answer_lost")
	})
	return answer
}

// TestKillKeyedSends kills order-place, again and again, in the middle of orders
// that several clients at once send under the same keys. Whatever became of each,
// there is one order a key at most, and every send gets the same answer in the end.
func TestKillKeyedSends(t *testing.T) {
	s := open(t)
	s.mustBeOurs(t)
	admin, customer := s.admin(t), s.customer(t)
	const orders, clients = 60, 4
	p := s.mustCreate(t, admin, customer, 2*orders)
	stop := s.killOften(t, "order-place", 100*time.Millisecond)
	requests := make([]functiontest.Request, orders)
	for i := range requests {
		requests[i] = keyedOrder(customer, uuid.NewString(), p)
		var all sync.WaitGroup
		for range clients {
			all.Go(func() { s.do(t, requests[i]) }) // whatever the answer is
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
	if !t.Failed() {
		s.mustHaveOneOrderAKey(t, admin, p, requests, answers)
	}
	t.Logf("killed order-place %d times while %d clients sent %d keys", killed, clients, orders)
}

// mustHaveOneOrderAKey compares the orders that there are with the final answers
// of their keys.
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
	lost := 0
	for i, r := range requests {
		key := r.Header["Idempotency-Key"]
		made := byKey[key]
		if len(made) != 1 {
			t.Errorf("key %s has the orders %v, want one; the answer is %d %s", key, made, answers[i].Status, answers[i].Body)
			continue
		}
		again := s.do(t, r)
		if again.Status != answers[i].Status {
			t.Errorf("key %s is answered %d, then %d", key, answers[i].Status, again.Status)
		}
		if answers[i].Status != http.StatusCreated {
			lost++
			continue
		}
		var o order.Order
		if answers[i].Into(t, &o); o.ID != made[0] || string(again.Body) != string(answers[i].Body) {
			t.Errorf("key %s is answered %s, then %s, and has the order %s", key, answers[i].Body, again.Body, made[0])
		}
	}
	t.Logf("%d keys have their answers, those of %d are lost", len(requests)-lost, lost)
}
