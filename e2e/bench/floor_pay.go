package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/google/uuid"

	"souk/emulators/payment"
)

// floorKey is the key of the floor's payment provider.
const floorKey = "the key of the provider of the floor"

// payFloor sends the statements of an order and of its payment, and the requests to a provider, and
// does nothing else: 26 statements in 6 transactions.
type payFloor struct {
	orders   *orderFloor
	payments *sql.DB
	provider *payment.Server
	dir      string
	wire     wire
}

func (b *bench) openPayFloor(ctx context.Context) (f *payFloor, err error) {
	f = &payFloor{}
	if f.orders, err = b.openOrderFloor(ctx, 1, orderProducts); err != nil {
		return nil, err
	}
	if f.payments, err = b.createDatabase(ctx, floor+"_payment", "payment", 1); err != nil {
		return nil, errors.Join(err, f.orders.stop())
	}
	if f.dir, err = os.MkdirTemp(b.options.state, "provider-"); err != nil {
		return nil, errors.Join(err, f.orders.stop(), f.payments.Close())
	}
	f.provider, err = payment.Start(ctx, "", payment.Options{APIKey: floorKey, WebhookSecret: floorKey, Dir: f.dir})
	if err != nil {
		return nil, errors.Join(err, f.orders.stop(), f.payments.Close(), os.RemoveAll(f.dir))
	}
	address, err := url.Parse(f.provider.URL())
	if err != nil {
		return nil, errors.Join(err, f.stop())
	}
	f.wire.address = address.Host
	return f, nil
}

func (f *payFloor) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), setUpTimeout)
	defer cancel()
	return errors.Join(f.wire.close(), f.provider.Shutdown(ctx), f.orders.stop(), f.payments.Close(), os.RemoveAll(f.dir))
}

// run pays orders one after the other.
func (f *payFloor) run(ctx context.Context, duration time.Duration) (sample, error) {
	var latencies []float64
	for until := time.Now().Add(duration); time.Now().Before(until) || len(latencies) == 0; {
		begin := time.Now()
		if err := f.pay(ctx); err != nil {
			return nil, err
		}
		latencies = append(latencies, milliseconds(time.Since(begin)))
	}
	return sample{"p50": quantile(latencies, 0.50), "p99": quantile(latencies, 0.99)}, nil
}

// pay runs one order and its payment: requested, created at the provider, paid, authorized.
func (f *payFloor) pay(ctx context.Context) error {
	if err := f.orders.order(ctx); err != nil {
		return err
	}
	id, user, event := uuid.New(), uuid.New(), uuid.New()
	if err := transaction(ctx, f.payments,
		statement{`INSERT INTO payment (order_id, user_id, provider, provider_version, state, version, amount, currency, capture_mode,
				captured, refunded, cancel_source, failure, declines, page_url, needs_read, created_at, updated_at)
			VALUES (?, ?, 'local', 0, 'requested', 1, 2598, 'EUR', 'manual', 0, 0, '', '', 0, '', 0, NOW(6), NOW(6))`, []any{id[:], user[:]}},
		statement{`INSERT INTO operation (kind, id, order_id, state, amount, generation, attempts, must_check, last_error, last_code, created_at, updated_at)
			VALUES ('create', ?, ?, 'pending', 2598, 0, 1, 1, '', '', NOW(6), NOW(6))`, []any{id[:], id[:]}},
	); err != nil {
		return err
	}
	created, err := f.create(id)
	if err != nil {
		return err
	}
	if err := transaction(ctx, f.payments,
		statement{`UPDATE payment SET provider_payment_id = ?, page_url = ?, version = 2 WHERE order_id = ?`, []any{created.ID, created.PageURL, id[:]}},
		statement{`UPDATE operation SET state = 'done' WHERE kind = 'create' AND id = ?`, []any{id[:]}},
	); err != nil {
		return err
	}
	page, err := url.Parse(created.PageURL)
	if err != nil {
		return fmt.Errorf("the payment page: %w", err)
	}
	if got, err := f.wire.send(formRequest(page.Path)); err != nil || got.status != http.StatusSeeOther {
		return got.problem("pay", err)
	}
	return transaction(ctx, f.payments,
		statement{`INSERT INTO callback (provider, event_id, type, provider_payment_id, order_id, received_at)
			VALUES ('local', ?, 'payment.authorized', ?, ?, NOW(6))`, []any{event.String(), created.ID, id[:]}},
		statement{`UPDATE payment SET state = 'authorized', version = 3 WHERE order_id = ?`, []any{id[:]}},
		statement{`INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, traceparent, created_at, published_at)
			VALUES (?, 'order', ?, 'payment-authorized', '{}', '', NOW(6), NOW(6))`, []any{event[:], id.String()}},
	)
}

// create creates a payment at the provider.
func (f *payFloor) create(id uuid.UUID) (created payment.Payment, err error) {
	body, err := json.Marshal(map[string]any{
		"amount": 2598, "currency": "EUR", "reference": id.String(), "returnUrl": "http://localhost/", "capture": "manual",
	})
	if err != nil {
		return created, fmt.Errorf("encode a payment: %w", err)
	}
	got, err := f.wire.send(newRequest(http.MethodPost, "/v1/payments", body, bearer(floorKey), "Idempotency-Key: "+id.String()))
	if err != nil || got.status != http.StatusCreated {
		return created, got.problem("create a payment", err)
	}
	return created, json.Unmarshal(got.body, &created)
}
