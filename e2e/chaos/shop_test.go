package chaos

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"souk/functions/fixtures"
	"souk/shared/idempotency"
)

// product is the clients' record of a product.
type product struct {
	id     string
	stock  int64 // at creation
	mu     sync.Mutex
	prices map[int64]bool // every possible price so far, in minor units
}

// shop is the clients' record of the shop and of all requests.
type shop struct {
	s         *system
	admin     *account
	customers []*account
	products  []*product
	placed    atomic.Int64 // acknowledged orders
	shipping  atomic.Int64 // attempts to ship orders

	mu       sync.Mutex
	requests []*request
	orders   []*request      // acknowledged ones
	shipped  []string        // ids of orders whose shipment was acknowledged
	paid     map[string]bool // ids of orders that customers have paid
}

func newShop(t *testing.T, s *system) *shop {
	t.Helper()
	return &shop{
		s: s, admin: &account{s: s, login: s.status.Admin}, paid: map[string]bool{},
		customers: []*account{{s: s, login: s.status.Customer}, {s: s, login: s.status.Admin}},
	}
}

// progress returns the paid fraction of the orders.
func (sh *shop) progress() float64 {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return float64(len(sh.paid)) / float64(max(1, *orders))
}

// record stores a request for the oracle.
func (sh *shop) record(r *request) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.requests = append(sh.requests, r)
	if r.kind == "place" && r.response.status == http.StatusCreated {
		sh.orders = append(sh.orders, r)
	}
}

// done returns the recorded requests of a kind.
func (sh *shop) done(kind string) []*request {
	var found []*request
	for _, r := range sh.requests {
		if r.kind == kind {
			found = append(found, r)
		}
	}
	return found
}

// work sends random operations until all orders are paid and all faults are injected.
func (sh *shop) work(t *testing.T, random *rand.Rand, faultsDone func() bool) {
	for sh.progress() < 1 || !faultsDone() {
		if t.Failed() && sh.progress() >= 1 {
			return
		}
		switch n := random.IntN(100); {
		case n < 50:
			sh.place(t, random)
		case n < 58:
			sh.cancel(t, random)
		case n < 76:
			sh.ship(t, random)
		case n < 84:
			sh.refund(t, random)
		case n < 89:
			sh.adjust(t, random)
		case n < 93:
			sh.setPrice(t, random)
		case n < 95:
			sh.createProduct(t, random.Int64N(200))
		case n < 97:
			sh.createAddress(t)
		default:
			sh.read(t, random)
		}
	}
}

// pick returns count different products.
func (sh *shop) pick(random *rand.Rand, count int) []*product {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	var picked []*product
	for _, i := range random.Perm(len(sh.products))[:count] {
		picked = append(picked, sh.products[i])
	}
	return picked
}

// newOrder returns a request to place an order whose address contains its key, so that the
// order can be found without its response.
func (sh *shop) newOrder(by *account, products []*product, quantities []int64) *request {
	key := newKey()
	var items []fixtures.Object
	for i, p := range products {
		items = append(items, fixtures.Object{"productId": p.id, "quantity": quantities[i]})
	}
	body := fixtures.Order(items...)
	body["shippingAddress"] = fixtures.ShortAddress(key)
	return &request{kind: "place", method: "POST", path: "/v1/orders", key: key, account: by, body: body}
}

func (sh *shop) place(t *testing.T, random *rand.Rand) {
	t.Helper()
	count := 1 + random.IntN(3)
	quantities := make([]int64, count)
	for i := range quantities {
		quantities[i] = 1 + random.Int64N(3)
	}
	r := sh.newOrder(sh.customers[random.IntN(len(sh.customers))], sh.pick(random, count), quantities)
	if random.IntN(4) == 0 {
		r.header = map[string]string{"Prefer": "wait=2"}
	}
	got := r.execute(t, random.IntN(8) == 0)
	sh.record(r)
	if got.status != http.StatusCreated {
		t.Errorf("place an order: %d %s", got.status, got.body)
		return
	}
	sh.placed.Add(1)
	sh.pay(t, random, r)
}

// pickOrder returns an acknowledged order, usually a recent one.
func (sh *shop) pickOrder(random *rand.Rand) *request {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	n := len(sh.orders)
	if n == 0 {
		return nil
	}
	if random.IntN(4) > 0 {
		return sh.orders[n-1-random.IntN(min(n, 20))]
	}
	return sh.orders[random.IntN(n)]
}

// change sends an operation on an order, which must succeed or conflict.
func (sh *shop) change(t *testing.T, random *rand.Rand, r *request) response {
	t.Helper()
	r.key = newKey()
	got := r.execute(t, random.IntN(8) == 0)
	sh.record(r)
	if got.status != http.StatusOK && got.status != http.StatusConflict {
		t.Errorf("%s %s: %d %s", r.method, r.path, got.status, got.body)
	}
	return got
}

func (sh *shop) cancel(t *testing.T, random *rand.Rand) {
	t.Helper()
	if o := sh.pickOrder(random); o != nil {
		id := o.response.id()
		sh.change(t, random, &request{kind: "cancel", method: "POST", path: "/v1/orders/" + id + "/cancel", account: o.account, subject: id})
	}
}

// maxShipping bounds the attempts to ship orders. They and the deliveries are requests of one admin,
// whose idempotency keys are limited.
const maxShipping = idempotency.MaxPerCaller / 2

func (sh *shop) ship(t *testing.T, random *rand.Rand) {
	t.Helper()
	o := sh.pickOrder(random)
	if o == nil || sh.shipping.Add(1) > maxShipping {
		return
	}
	id := o.response.id()
	got := sh.change(t, random, &request{kind: "ship", method: "POST", path: "/v1/orders/" + id + "/ship", account: sh.admin, subject: id})
	if got.status == http.StatusOK {
		sh.mu.Lock()
		sh.shipped = append(sh.shipped, id)
		sh.mu.Unlock()
	}
	if got.status == http.StatusOK && random.IntN(2) == 0 {
		sh.change(t, random, &request{kind: "deliver", method: "POST", path: "/v1/orders/" + id + "/deliver", account: sh.admin, subject: id})
	}
}

func (sh *shop) adjust(t *testing.T, random *rand.Rand) {
	t.Helper()
	p := sh.pick(random, 1)[0]
	delta := 1 + random.Int64N(40)
	key := newKey()
	r := &request{
		kind: "adjust", method: "POST", path: "/v1/products/" + p.id + "/stock", key: key, account: sh.admin, subject: p.id, amount: delta,
		body: fixtures.Object{"delta": delta, "reason": key},
	}
	got := r.execute(t, random.IntN(8) == 0)
	sh.record(r)
	if got.status != http.StatusOK {
		t.Errorf("adjust the stock of %s: %d %s", p.id, got.status, got.body)
	}
}

// setPrice changes a price. The request has no key, so after a lost response both prices
// are possible.
func (sh *shop) setPrice(t *testing.T, random *rand.Rand) {
	t.Helper()
	p := sh.pick(random, 1)[0]
	read := &request{method: "GET", path: "/v1/products/" + p.id, account: sh.admin}
	var current struct{ Version int64 }
	if err := json.Unmarshal(read.sendUntilFinal(t).body, &current); err != nil {
		t.Errorf("read product %s: %v", p.id, err)
		return
	}
	price := 1000 + random.Int64N(1000)
	p.mu.Lock()
	p.prices[price] = true
	p.mu.Unlock()
	r := &request{
		kind: "price", method: "PATCH", path: read.path, account: sh.admin,
		header: map[string]string{"If-Match": fmt.Sprintf(`"%d"`, current.Version)},
		body:   fixtures.Object{"price": fixtures.Price(int(price))},
	}
	if got := r.sendUntilFinal(t); got.status != http.StatusOK && got.status != http.StatusPreconditionFailed {
		t.Errorf("change the price of %s: %d %s", p.id, got.status, got.body)
	}
}

func (sh *shop) createAddress(t *testing.T) {
	t.Helper()
	key := newKey()
	r := &request{
		kind: "address", method: "POST", path: "/v1/users/me/addresses", key: key, account: sh.customers[0],
		body: fixtures.ShortAddress(key),
	}
	got := r.execute(t, true)
	if sh.record(r); got.status != http.StatusCreated && got.code() != "too_many_addresses" {
		t.Errorf("create an address: %d %s", got.status, got.body)
	}
}

func (sh *shop) read(t *testing.T, random *rand.Rand) {
	t.Helper()
	paths := []string{"/v1/products?pageSize=5", "/v1/orders?pageSize=5", "/v1/users/me", "/v1/categories"}
	r := &request{method: "GET", path: paths[random.IntN(len(paths))], account: sh.customers[0]}
	if got := r.sendUntilFinal(t); got.status != http.StatusOK {
		t.Errorf("GET %s: %d %s", r.path, got.status, got.body)
	}
}
