package chaos

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"

	"souk/functions/fixtures"
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

	mu       sync.Mutex
	requests []*request
	orders   []*request // acknowledged ones
}

func newShop(t *testing.T, s *system) *shop {
	t.Helper()
	return &shop{
		s: s, admin: &account{s: s, login: s.status.Admin},
		customers: []*account{{s: s, login: s.status.Customer}, {s: s, login: s.status.Admin}},
	}
}

var tokenForm = regexp.MustCompile(`[A-Za-z0-9_-]{43}`)

// register adds customers, since an account may use 10,000 keys a day.
func (sh *shop) register(t *testing.T, count int) {
	t.Helper()
	send := func(want int, path string, body fixtures.Object) {
		t.Helper()
		if got := sh.s.send("POST", path, nil, body); got.status != want {
			t.Fatalf("POST %s: %d %s", path, got.status, got.body)
		}
	}
	for range count {
		l := login{newKey() + "@example.com", fixtures.Password}
		send(http.StatusCreated, "/v1/users", fixtures.Registration(l.Email))
		mail, err := http.Get(sh.s.status.Mail.URL + "/api/latest?wait=20&to=" + url.QueryEscape(l.Email))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(mail.Body)
		if mail.Body.Close(); err != nil {
			t.Fatal(err)
		}
		send(http.StatusOK, "/v1/email-verifications/confirm", fixtures.Object{"token": string(tokenForm.Find(text)), "password": l.Password})
		sh.customers = append(sh.customers, &account{s: sh.s, login: l})
	}
}

// progress returns the acknowledged fraction of the orders.
func (sh *shop) progress() float64 { return float64(sh.placed.Load()) / float64(max(1, *orders)) }

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

func (sh *shop) createProducts(t *testing.T, count int) {
	t.Helper()
	for range count {
		sh.createProduct(t, rand.Int64N(500))
	}
	// The order service receives new products with a delay.
	for _, p := range sh.products {
		r := sh.newOrder(sh.customers[0], []*product{p}, []int64{1})
		r.execute(t, false)
		sh.record(r)
	}
}

func (sh *shop) createProduct(t *testing.T, stock int64) {
	t.Helper()
	sku := "CHAOS-" + newKey()
	r := &request{
		kind: "create", method: "POST", path: "/v1/products", key: newKey(), account: sh.admin, subject: sku, amount: stock,
		body: fixtures.Product(sku, int(stock)),
	}
	got := r.execute(t, true)
	sh.record(r)
	if got.status != http.StatusCreated {
		t.Errorf("create a product: %d %s", got.status, got.body)
		return
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.products = append(sh.products, &product{id: got.id(), stock: stock, prices: map[int64]bool{1299: true}})
}

// work sends random operations until all orders are placed and all faults are injected.
func (sh *shop) work(t *testing.T, random *rand.Rand, faultsDone func() bool) {
	for sh.progress() < 1 || !faultsDone() {
		if t.Failed() && sh.progress() >= 1 {
			return
		}
		switch n := random.IntN(100); {
		case n < 60:
			sh.place(t, random)
		case n < 72:
			sh.cancel(t, random)
		case n < 80:
			sh.adjust(t, random)
		case n < 85:
			sh.ship(t, random)
		case n < 90:
			sh.setPrice(t, random)
		case n < 92:
			sh.createProduct(t, random.Int64N(200))
		case n < 95:
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

func (sh *shop) ship(t *testing.T, random *rand.Rand) {
	t.Helper()
	o := sh.pickOrder(random)
	if o == nil {
		return
	}
	id := o.response.id()
	got := sh.change(t, random, &request{kind: "ship", method: "POST", path: "/v1/orders/" + id + "/ship", account: sh.admin, subject: id})
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

// replay repeats every successful request with a key: the response must be the first one,
// byte for byte.
func (sh *shop) replay(t *testing.T) {
	t.Helper()
	var next atomic.Int64
	var replayed atomic.Int64
	var all sync.WaitGroup
	for range *clients {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(sh.requests); i = int(next.Add(1)) - 1 {
				r := sh.requests[i]
				if r.key == "" || r.response.status >= http.StatusBadRequest {
					continue
				}
				again := r.sendUntilFinal(t)
				requireSame(t, r, r.response, again)
				if !again.replayed {
					t.Errorf("%s %s with the key %s is not marked as a replay", r.method, r.path, r.key)
				}
				replayed.Add(1)
			}
		})
	}
	all.Wait()
	t.Logf("%d requests were repeated", replayed.Load())
}
