package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/googleapis/gax-go/v2"
)

const (
	// payPoll is the interval at which the client reads whether its order can be paid, or is
	// confirmed.
	payPoll = 2 * time.Millisecond
	// payTimeout bounds each of the two waits.
	payTimeout = 30 * time.Second
	// cardForm is what the customer enters on the payment page: a test card that is approved.
	cardForm = "number=4242424242424242&expiry=12%2F40&cvc=123"
)

// payLatencies are the times of paid orders in milliseconds.
type payLatencies struct {
	total, payable, confirmed []float64
	lost                      int
}

func (l *payLatencies) sample() sample {
	return sample{
		"p50": quantile(l.total, 0.50), "p99": quantile(l.total, 0.99), "lost": float64(l.lost),
		"payable": quantile(l.payable, 0.50), "confirmed": quantile(l.confirmed, 0.50),
	}
}

// preparePay opens a shop whose orders must be paid. An earlier commit may know no payments.
func preparePay(ctx context.Context, b *bench) ([]subject, error) {
	ours := b.sides[0]
	ours.payments = true
	opened, err := b.openShop(ctx, ours, 1)
	if err != nil {
		return nil, err
	}
	subjects := []subject{{name: souk, stop: opened.stop, measure: func(ctx context.Context) (sample, error) {
		return opened.payOrders(ctx, b.options.round)
	}}}
	f, err := b.openPayFloor(ctx)
	if err != nil {
		return subjects, err
	}
	return append(subjects, subject{name: floor, stop: f.stop, measure: func(ctx context.Context) (sample, error) {
		return f.run(ctx, b.options.round)
	}}), nil
}

// payOrders places and pays orders one after the other.
func (s *shop) payOrders(ctx context.Context, duration time.Duration) (sample, error) {
	provider, err := url.Parse(s.status.Payments.URL)
	if err != nil {
		return nil, fmt.Errorf("the payment provider of %s: %w", s.side.name, err)
	}
	p := &payer{shop: wire{address: s.address}, page: wire{address: provider.Host}}
	for i, until := 0, time.Now().Add(duration); time.Now().Before(until) || i == 0; i++ {
		if err := p.pay(ctx, s.tokens[i%len(s.tokens)], s.two()); err != nil {
			return nil, err
		}
	}
	if err := p.shop.close(); err != nil {
		return nil, err
	}
	return p.latencies.sample(), p.page.close()
}

// payer is a customer with a connection to the shop and one to the payment page.
type payer struct {
	shop, page wire
	latencies  payLatencies
}

// pay places an order, pays it, and waits until it is confirmed.
func (p *payer) pay(ctx context.Context, token string, products []string) error {
	begin := time.Now()
	id, err := p.place(token, products)
	if err != nil {
		return err
	}
	page, err := p.await(ctx, token, "/v1/orders/"+id+"/payment", func(text []byte) string {
		var payment struct{ NextAction struct{ URL string } }
		_ = json.Unmarshal(text, &payment) // what cannot be decoded is not awaited
		return payment.NextAction.URL
	})
	if err != nil {
		return err
	}
	payable := time.Since(begin)
	location, err := url.Parse(page)
	if err != nil {
		return fmt.Errorf("the payment page: %w", err)
	}
	entered := time.Now()
	if got, err := p.page.send(formRequest(location.Path)); err != nil || got.status != http.StatusSeeOther {
		return got.problem("pay order "+id, err)
	}
	_, err = p.await(ctx, token, "/v1/orders/"+id, func(text []byte) string {
		var order struct{ Status string }
		_ = json.Unmarshal(text, &order) // what cannot be decoded is not awaited
		if order.Status != "confirmed" {
			return ""
		}
		return order.Status
	})
	if err != nil {
		p.latencies.lost++
		return nil //nolint:nilerr // it is counted
	}
	confirmed := time.Since(entered)
	p.latencies.payable = append(p.latencies.payable, milliseconds(payable))
	p.latencies.confirmed = append(p.latencies.confirmed, milliseconds(confirmed))
	p.latencies.total = append(p.latencies.total, milliseconds(payable+confirmed))
	return nil
}

// place places an order and returns its id.
func (p *payer) place(token string, products []string) (id string, err error) {
	items := []map[string]any{}
	for _, id := range products {
		items = append(items, map[string]any{"productId": id, "quantity": 1})
	}
	body, err := json.Marshal(map[string]any{"items": items})
	if err != nil {
		return "", fmt.Errorf("encode an order: %w", err)
	}
	got, err := p.shop.send(newRequest(http.MethodPost, "/v1/orders", body, bearer(token), "Idempotency-Key: "+uuid.NewString()))
	if err != nil || got.status != http.StatusCreated {
		return "", got.problem("place an order", err)
	}
	var order struct{ ID string }
	if err := json.Unmarshal(got.body, &order); err != nil {
		return "", fmt.Errorf("decode an order: %w", err)
	}
	return order.ID, nil
}

// await reads a resource until it has a value.
func (p *payer) await(ctx context.Context, token, path string, value func(body []byte) string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, payTimeout)
	defer cancel()
	for {
		got, err := p.shop.send(get(path, bearer(token)))
		if err == nil && got.status == http.StatusOK {
			if found := value(got.body); found != "" {
				return found, nil
			}
		}
		if sleepErr := gax.Sleep(ctx, payPoll); sleepErr != nil {
			return "", errors.Join(sleepErr, got.problem("wait for "+path, err))
		}
	}
}

// formRequest returns the request of the payment page's form.
func formRequest(path string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		path, len(cardForm), cardForm)
}
