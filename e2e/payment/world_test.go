package payment_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/emulators/payment"
	"souk/functions"
	service "souk/functions/payment"
	"souk/functions/payment/provider"
	"souk/functions/payment/provider/local"
	"souk/functions/payment/provider/providertest"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function/functiontest"
)

// total is the total of the order of a world, in minor units.
const total = 5427

// world is a payment service with a provider of its own and a clock that the test moves. It has
// one order.
type world struct {
	*testing.T

	server   *functiontest.Server
	provider *payment.Provider
	adapter  *faulty
	order    uuid.UUID
	user     uuid.UUID

	mu  sync.Mutex
	at  time.Time
	url string // of the service

	// undelivered are messages that the service has not acknowledged.
	undelivered []message
	delivered   []message // all of them
	// crashAfterCommit makes the process die after its next commits: see crashing.
	crashAfterCommit bool
}

type message struct {
	function string
	event    event.Event
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// RoundTrip sends a callback of the provider to the service.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := r.Clone(r.Context())
	target, err := http.NewRequestWithContext(r.Context(), r.Method, w.url+r.URL.Path, sent.Body)
	if err != nil {
		return nil, err
	}
	target.Header = sent.Header
	return http.DefaultTransport.RoundTrip(target)
}

// options are how a world differs from the usual one.
type options struct {
	// capture is PAYMENT_CAPTURE.
	capture string
	// unversioned hides the versions of payments, as Stripe has none.
	unversioned bool
}

// newWorld returns a service on the database of another, which must have no rows of payments.
func newWorld(t *testing.T, base *functiontest.Server, o options) *world {
	t.Helper()
	w := &world{T: t, at: time.Now().UTC().Truncate(time.Microsecond), order: uuid.Must(uuid.NewV7()), user: uuid.Must(uuid.NewV7())}
	var err error
	w.provider, err = payment.New(payment.Options{
		APIKey: providertest.APIKey, WebhookSecret: providertest.OldSecret, URL: url,
		WebhookURL: "http://shop.localhost/v1/payments/local/webhook", Clock: w.now, Transport: w,
		Wait: func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.adapter = &faulty{unversioned: o.unversioned}
	build := service.New(map[string]service.Adapter{local.Name: func(_ service.Settings, secrets service.Secrets) (provider.Provider, error) {
		adapter, err := local.New(local.Options{
			URL: url, APIKey: secrets.APIKey, WebhookSecrets: secrets.WebhookSecrets(), Transport: w.adapter.transport(w.provider.Transport()),
		})
		w.adapter.Provider = adapter
		return w.adapter, err
	}})
	settings := config.Environment{
		"PAYMENT_PROVIDER_URL": url, "PAYMENT_API_KEY": providertest.APIKey, "PAYMENT_WEBHOOK_SECRET": providertest.OldSecret,
		"PAYMENT_CAPTURE": cmp.Or(o.capture, "shipment"), "PAYMENT_RETURN_URL": "http://shop.localhost/paid",
		"SMTP_URL": "smtp://127.0.0.1:9", "MAIL_FROM": "shop@souk.test",
	}
	start := []functiontest.Option{functiontest.WithClock(w.now)}
	if base != nil {
		start = append(start, functiontest.WithSameDatabase(base))
	}
	w.server = functiontest.Start(t, functions.Manifest(), "payment", build, service.Migrations, settings, start...)
	w.url = w.server.URL
	return w
}

// deliver delivers a new event about the order, which is redelivered until it is acknowledged.
func (w *world) deliver(function, eventType string) {
	w.Helper()
	money := map[string]any{"amount": total, "currency": "EUR"}
	e := functiontest.NewEvent(w, eventType, map[string]any{
		"orderId": w.order, "userId": w.user, "total": money, "items": []any{}, "payment": "required",
	})
	e.Time = w.now()
	w.undelivered = append(w.undelivered, message{function, e})
	w.delivered = append(w.delivered, message{function, e})
	w.redeliver()
}

// redeliver delivers the messages that are not acknowledged.
func (w *world) redeliver() {
	w.Helper()
	var remaining []message
	for _, m := range w.undelivered {
		if w.server.DeliverUnchecked(w, m.function, m.event).Status != http.StatusNoContent {
			remaining = append(remaining, m)
		}
	}
	w.undelivered = remaining
}

// run calls a scheduled function. Its error is logged, and the next run continues.
func (w *world) run(function string) {
	w.Helper()
	w.server.DeliverUnchecked(w, function, functiontest.NewEvent(w, function, struct{}{}))
}

// tick lets a minute pass: messages are redelivered, schedules run and callbacks arrive.
func (w *world) tick() {
	w.Helper()
	w.provider.Deliver(w.Context())
	w.advance(5 * time.Second)
	w.redeliver()
	w.provider.Deliver(w.Context())
	w.advance(55 * time.Second)
	w.redeliver()
	w.run("payment-reconcile")
	w.run("payment-outbox")
	w.provider.Deliver(w.Context())
}

// mustReach lets time pass until a condition holds, for some ticks at most.
func (w *world) mustReach(what string, ticks int, condition func() bool) {
	w.Helper()
	w.provider.Deliver(w.Context())
	for range ticks {
		if condition() && len(w.undelivered) == 0 {
			return
		}
		w.tick()
	}
	if !condition() || len(w.undelivered) > 0 {
		w.Fatalf("%s is not reached within %d minutes: stored %+v, at the provider %+v, %d messages are not acknowledged", what, ticks, w.stored(), w.payments(), len(w.undelivered))
	}
}

// row is a stored payment.
type row struct {
	State              string
	Captured, Refunded int64
	Pending            int64 // operations
}

// stored returns the stored payment, zero if there is none.
func (w *world) stored() row {
	w.Helper()
	r, err := database.Get(w.Context(), w.server.DB, func(s database.Scanner) (r row, err error) {
		err = s.Scan(&r.State, &r.Captured, &r.Refunded, &r.Pending)
		return r, err
	}, `SELECT state, captured, refunded, (SELECT COUNT(*) FROM operation o WHERE o.order_id = p.order_id AND o.state = 'pending')
		FROM payment p WHERE order_id = ?`, w.order[:])
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		w.Fatal(err)
	}
	return r
}

// payments returns the provider's payments of the order: its books.
func (w *world) payments() []provider.Payment {
	w.Helper()
	page, err := w.adapter.Provider.List(w.Context(), provider.Query{})
	if err != nil {
		w.Fatal(err)
	}
	for _, p := range page.Items {
		if p.Reference != w.order.String() {
			w.Errorf("payment %s is of order %s", p.ID, p.Reference)
		}
	}
	return page.Items
}

// count returns how many events of a type were published, each counted once.
func (w *world) count(eventType string) int {
	return len(w.published(eventType))
}

func (w *world) published(eventType string) map[uuid.UUID]map[string]any {
	w.Helper()
	events := map[uuid.UUID]map[string]any{}
	for _, e := range w.server.Published.Events(eventType) {
		payload := map[string]any{}
		if err := json.Unmarshal(e.Payload, &payload); err != nil {
			w.Fatal(err)
		}
		events[e.ID] = payload
	}
	return events
}

// mustPay lets the customer pay with a card.
func (w *world) mustPay(card string) {
	w.Helper()
	if _, err := w.provider.Pay(w.payments()[0].ID, card, payment.ChallengeApprove); err != nil {
		w.Fatal(err)
	}
}
