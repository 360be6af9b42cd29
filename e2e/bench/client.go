package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/googleapis/gax-go/v2"
)

const (
	// A refused order is repeated with the same key after minRetry, and then after twice as
	// long each time, up to maxRetry; and not before Retry-After.
	minRetry = 50 * time.Millisecond
	maxRetry = time.Second
	// statusPoll is the interval at which an order is read that was pending in the response.
	statusPoll = 20 * time.Millisecond
	// decisionTimeout bounds the time until a placed order is decided.
	decisionTimeout = time.Minute
)

// tally counts orders and responses.
type tally struct {
	confirmed, rejected, lost int
	// requests are all requests to place an order; refused those with 429 or 5xx or without a
	// response, unavailable those with 503.
	requests, refused, unavailable int
	// latencies are the times from an order to its confirmation in milliseconds, and ends
	// when those orders were confirmed.
	latencies []float64
	ends      []time.Time
}

func (t *tally) add(o tally) {
	t.confirmed += o.confirmed
	t.rejected += o.rejected
	t.lost += o.lost
	t.requests += o.requests
	t.refused += o.refused
	t.unavailable += o.unavailable
	t.latencies = append(t.latencies, o.latencies...)
	t.ends = append(t.ends, o.ends...)
}

// client is a connection with customers of its own.
type client struct {
	wire
	// tokens are those of customers who take turns.
	tokens []string
	orders int
	tally  tally
	// deadline ends the attempts to place an order; an order that was placed is awaited.
	deadline context.Context //nolint:containedctx // as long as the client
	problem  string
	// reserved counts an order as confirmed that waits for its payment.
	reserved bool
}

// order places an order of one unit of each product, and waits until it is decided.
func (c *client) order(ctx context.Context, products []string) {
	type item struct {
		ProductID string `json:"productId"`
		Quantity  int    `json:"quantity"`
	}
	var body struct {
		Items []item `json:"items"`
	}
	for _, product := range products {
		body.Items = append(body.Items, item{product, 1})
	}
	text, err := json.Marshal(body)
	if err != nil {
		c.problem = err.Error()
		return
	}
	c.orders++
	begin := time.Now()
	request := newRequest(http.MethodPost, "/v1/orders", text,
		bearer(c.token()), "Prefer: wait=20", "Idempotency-Key: "+uuid.NewString())
	for wait := minRetry; ; wait = min(2*wait, maxRetry) {
		got, err := c.send(request)
		c.tally.requests++
		if err == nil && got.status == http.StatusCreated {
			c.decide(ctx, got.body, begin)
			return
		}
		c.refused(got, err)
		if gax.Sleep(c.deadline, max(wait, got.retryAfter)) != nil {
			return
		}
	}
}

// token returns the access token of the current order's customer.
func (c *client) token() string { return c.tokens[c.orders%len(c.tokens)] }

// refused counts a response that is not final.
func (c *client) refused(got reply, err error) {
	c.problem = fmt.Sprintf("status %d, %v: %.200s", got.status, err, got.body)
	if err != nil || got.status >= http.StatusInternalServerError || got.status == http.StatusTooManyRequests {
		c.tally.refused++
	}
	if got.status == http.StatusServiceUnavailable {
		c.tally.unavailable++
	}
}

// decide counts a placed order when it is decided.
func (c *client) decide(ctx context.Context, body []byte, begin time.Time) {
	ctx, cancel := context.WithTimeout(ctx, decisionTimeout)
	defer cancel()
	for {
		var order struct{ ID, Status string }
		if err := json.Unmarshal(body, &order); err != nil {
			c.problem = err.Error()
		}
		switch {
		case order.Status == "confirmed", order.Status == "awaiting_payment" && c.reserved:
			c.tally.confirmed++
			c.tally.latencies = append(c.tally.latencies, milliseconds(time.Since(begin)))
			c.tally.ends = append(c.tally.ends, time.Now())
			return
		case order.Status == "rejected":
			c.tally.rejected++
			return
		}
		for {
			if gax.Sleep(ctx, statusPoll) != nil {
				c.tally.lost++
				return
			}
			if got, err := c.send(get("/v1/orders/"+order.ID, bearer(c.token()))); err == nil && got.status == http.StatusOK {
				body = got.body
				break
			}
		}
	}
}

// buy lets clients order until a time, each with its own account, and returns what became of
// all orders when they are decided.
func (s *shop) buy(ctx context.Context, clients int, duration time.Duration, pick func() []string) (tally, error) {
	deadline, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	var mu sync.Mutex
	var all tally
	var errs []error
	var working sync.WaitGroup
	for i := range clients {
		working.Go(func() {
			c := &client{wire: wire{address: s.address}, tokens: s.tokensOf(i), deadline: deadline}
			for deadline.Err() == nil {
				c.order(ctx, pick())
			}
			err := c.close()
			mu.Lock()
			defer mu.Unlock()
			all.add(c.tally)
			errs = append(errs, err)
		})
	}
	working.Wait()
	return all, errors.Join(errs...)
}

// two returns two different products.
func (s *shop) two() []string {
	first := rand.IntN(len(s.products))
	second := (first + 1 + rand.IntN(len(s.products)-1)) % len(s.products)
	return []string{s.products[first], s.products[second]}
}
