package load

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// The operations that are measured. Decision is the time from a customer's order to the
// moment at which the customer reads that it is confirmed or rejected.
const (
	opList     = "product-list"
	opGet      = "product-get"
	opPlace    = "order-place"
	opRead     = "order-get"
	opDecision = "decision"
)

const (
	listPath = "/v1/products?pageSize=20"
	// Orders are read after minPoll, and then after twice as long each time, up to maxPoll.
	minPoll = 10 * time.Millisecond
	maxPoll = 2 * time.Second
	// A request that may have had an effect is repeated after minRetry, and so on; and not
	// before Retry-After.
	minRetry = 50 * time.Millisecond
	maxRetry = time.Second
)

// visit runs one visit of a user that was due at a time. The error reports that the load
// itself cannot continue.
func (r *run) visit(ctx context.Context, due time.Time) error {
	p := r.products[rand.IntN(len(r.products))]
	if r.options.Scenario == FlashSale {
		return r.order(ctx, p, 1, due)
	}
	r.client.send(ctx, opList, due, request{method: http.MethodGet, path: listPath})
	r.client.send(ctx, opGet, time.Now(), request{method: http.MethodGet, path: "/v1/products/" + p.id})
	if r.options.Scenario == Browse {
		return nil
	}
	return r.order(ctx, p, 1+rand.Int64N(3), time.Now())
}

// order places an order and reads it until it is decided or ctx is done.
func (r *run) order(ctx context.Context, p *product, quantity int64, due time.Time) error {
	customer, err := r.users.acquire(ctx)
	if err != nil {
		return err
	}
	defer r.users.release(customer)
	customer.orders++
	placed, outcome := r.place(ctx, customer, p, quantity, due)
	r.figures.count(outcome)
	if outcome != outcomePlaced {
		return nil
	}
	status := r.decide(ctx, customer, placed)
	switch status {
	case "confirmed", "awaiting_payment": // its stock is reserved, and these orders are not paid
		p.confirmed.Add(quantity)
		r.figures.count(outcomeConfirmed)
	case "rejected":
		r.figures.count(outcomeRejected)
	default:
		r.figures.count(outcomeUndecided)
		return nil
	}
	r.figures.record(opDecision, time.Since(due), "")
	return nil
}

// place sends an order under one key until its response is final.
func (r *run) place(ctx context.Context, by *customer, p *product, quantity int64, due time.Time) (id string, got outcome) {
	order := request{
		method: http.MethodPost, path: "/v1/orders", token: by.token, key: uuid.NewString(),
		body: map[string]any{"items": []map[string]any{{"productId": p.id, "quantity": quantity}}},
	}
	for wait := minRetry; ; wait = min(2*wait, maxRetry) {
		response := r.client.send(ctx, opPlace, due, order)
		switch {
		case response.status == http.StatusCreated:
			return response.id(), outcomePlaced
		case !response.retryable():
			return "", outcomeRefused
		case !waitUntil(ctx, time.Now().Add(max(wait, response.retryAfter))):
			return "", outcomeUnknown
		}
		due = time.Now()
	}
}

// decide reads an order until it is decided, and returns its status.
func (r *run) decide(ctx context.Context, by *customer, id string) (status string) {
	for wait := minPoll; waitUntil(ctx, time.Now().Add(wait)); wait = min(2*wait, maxPoll) {
		response := r.client.send(ctx, opRead, time.Now(), request{method: http.MethodGet, path: "/v1/orders/" + id, token: by.token})
		if status = response.orderStatus(); status != "" && status != "pending" {
			return status
		}
	}
	return "pending"
}
