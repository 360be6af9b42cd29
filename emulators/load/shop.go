package load

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// checkoutProducts is the number of products of a checkout, and browseProducts that of
	// a browse.
	checkoutProducts = 10
	browseProducts   = 10
	// ordersPerCustomer is less than the shop's limit of open orders of one customer.
	ordersPerCustomer = 90
	// customerBatch is the number of accounts that are created at once.
	customerBatch = 20
	// setUpTimeout bounds the wait until a new product can be ordered.
	setUpTimeout = time.Minute
)

// product is a product that the load created.
type product struct {
	id, sku string
	stock   int64
	// confirmed is the number of units in confirmed orders.
	confirmed atomic.Int64
	// available and lowest are the last and the lowest stock that was read.
	available, lowest atomic.Int64
}

// prepare logs in, creates the products, and waits until they can be ordered.
func (r *run) prepare(ctx context.Context) error {
	token, err := r.logIn(ctx)
	if err != nil {
		return err
	}
	count := map[Scenario]int{Browse: browseProducts, Checkout: checkoutProducts, FlashSale: 1}[r.options.Scenario]
	for range count {
		p := &product{sku: "LOAD-" + rand.Text()[:12], stock: r.options.Stock}
		got := r.client.do(ctx, request{
			method: http.MethodPost, path: "/v1/products", token: token, key: rand.Text(),
			body: map[string]any{
				"sku": p.sku, "name": "Load test " + p.sku, "category": "load-test", "stock": p.stock,
				"price": map[string]any{"amount": 1299, "currency": "EUR"},
			},
		})
		if got.status != http.StatusCreated {
			return got.problem("create a product")
		}
		p.id = got.id()
		p.available.Store(p.stock)
		p.lowest.Store(p.stock)
		r.products = append(r.products, p)
	}
	r.users = &users{create: r.options.Target.Customers}
	if r.options.Scenario == Browse {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, setUpTimeout)
	defer cancel()
	// The order service receives new products with a delay: an order of each is retried
	// until it is accepted.
	for _, p := range r.products {
		if err := r.order(ctx, p, 1, time.Now()); err != nil {
			return err
		}
	}
	r.figures.resetLatencies()
	return nil
}

// logIn returns an access token of the admin.
func (r *run) logIn(ctx context.Context) (string, error) {
	got := r.client.do(ctx, request{
		method: http.MethodPost, path: "/v1/sessions",
		body: map[string]any{"email": r.options.Target.Email, "password": r.options.Target.Password},
	})
	if got.status != http.StatusCreated {
		return "", got.problem("log in as admin")
	}
	return got.member(true, "accessToken"), nil
}

// readStock reads the stock of all products.
func (r *run) readStock(ctx context.Context) {
	for _, p := range r.products {
		got := r.client.do(ctx, request{method: http.MethodGet, path: "/v1/products/" + p.id})
		var body struct{ Available int64 }
		if got.status != http.StatusOK || json.Unmarshal(got.body, &body) != nil {
			continue // the next read has it, and the last is repeated
		}
		p.available.Store(body.Available)
		p.lowest.Store(min(p.lowest.Load(), body.Available))
	}
}

// cleanUp archives the products. Orders and accounts remain: the shop deletes neither.
func (r *run) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, setUpTimeout)
	defer cancel()
	if len(r.products) == 0 {
		return nil
	}
	token, err := r.logIn(ctx)
	if err != nil {
		return fmt.Errorf("archive the products: %w", err)
	}
	var errs []error
	for _, p := range r.products {
		got := r.client.do(ctx, request{method: http.MethodGet, path: "/v1/products/" + p.id})
		got = r.client.do(ctx, request{method: http.MethodDelete, path: "/v1/products/" + p.id, token: token, ifMatch: got.etag})
		if got.status != http.StatusNoContent {
			errs = append(errs, got.problem("archive product "+p.id))
		}
	}
	return errors.Join(errs...)
}

// customer is an account that orders.
type customer struct {
	token  string
	orders int
}

// users has the accounts. One account is used by one visit at a time, since the shop places
// the orders of an account one after the other.
type users struct {
	create func(ctx context.Context, count int) ([]string, error)

	mu      sync.Mutex
	idle    []*customer
	created int
}

// acquire returns an account that may place another order.
func (u *users) acquire(ctx context.Context) (*customer, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.idle) == 0 {
		tokens, err := u.create(ctx, customerBatch)
		if err != nil {
			return nil, fmt.Errorf("create customers: %w", err)
		}
		for _, token := range tokens {
			u.idle = append(u.idle, &customer{token: token})
		}
		u.created += len(tokens)
	}
	last := len(u.idle) - 1
	c := u.idle[last]
	u.idle = u.idle[:last]
	return c, nil
}

// release returns an account, unless it has too many open orders for another one.
func (u *users) release(c *customer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if c.orders < ordersPerCustomer {
		u.idle = append(u.idle, c)
	}
}

func (u *users) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.created
}
