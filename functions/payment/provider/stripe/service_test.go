package stripe_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	stripego "github.com/stripe/stripe-go/v85"

	"souk/functions"
	"souk/functions/payment"
	"souk/functions/payment/provider"
	"souk/functions/payment/provider/providertest"
	"souk/functions/payment/provider/stripe"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

// ServeHTTP serves Stripe's API. A fault without a response closes the connection.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	response, err := f.RoundTrip(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer response.Body.Close()
	w.WriteHeader(response.StatusCode)
	if _, err := io.Copy(w, response.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// shop is the payment service with Stripe as its provider, reached over HTTP.
type shop struct {
	*functiontest.Server

	stripe *fake
	order  uuid.UUID
	user   uuid.UUID
	token  string
}

const orderTotal = 5427

func openShop(t *testing.T) *shop {
	t.Helper()
	f := mustFake(t)
	f.clock = clock.System
	api := httptest.NewServer(f)
	t.Cleanup(api.Close)
	build := payment.New(map[string]payment.Adapter{
		stripe.Name: func(settings payment.Settings, secrets payment.Secrets) (provider.Provider, error) {
			return stripe.New(stripe.Options{APIKey: secrets.APIKey, WebhookSecrets: secrets.WebhookSecrets(), URL: settings.ProviderURL})
		},
	})
	environment := config.Environment{
		"PAYMENT_PROVIDER": stripe.Name, "PAYMENT_PROVIDER_URL": api.URL, "PAYMENT_API_KEY": providertest.APIKey,
		"PAYMENT_WEBHOOK_SECRET": providertest.NewSecret + ", " + providertest.OldSecret,
		"SMTP_URL":               "smtp://127.0.0.1:9", "MAIL_FROM": "shop@souk.test",
	}
	s := &shop{stripe: f, order: uuid.Must(uuid.NewV7())}
	s.Server = functiontest.Start(t, functions.Manifest(), "payment", build, payment.Migrations, environment,
		functiontest.WithContract(functiontest.NewContract(functions.OpenAPI, functions.Events)))
	owner, token := s.Tokens.Customer(t)
	s.user, s.token = owner.UserID, token
	return s
}

// deliver delivers an event about the order twice.
func (s *shop) deliver(t *testing.T, function, eventType string) {
	t.Helper()
	payload := map[string]any{
		"orderId": s.order, "userId": s.user, "total": map[string]any{"amount": orderTotal, "currency": "EUR"}, "payment": "required",
	}
	if eventType != "stock-reserved" {
		payload["items"] = []any{}
	}
	e := functiontest.NewEvent(t, eventType, payload)
	for range 2 {
		s.Deliver(t, function, e).MustBe(t, http.StatusNoContent)
	}
}

// call sends a callback, and returns the response.
func (s *shop) call(t *testing.T, callback providertest.Request) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/payments/stripe/webhook", Body: string(callback.Body),
		Header: map[string]string{"Stripe-Signature": callback.Header.Get("Stripe-Signature"), "Idempotency-Key": ""},
	})
}

// intent returns the order's only PaymentIntent at Stripe.
func (s *shop) intent(t *testing.T) *stripego.PaymentIntent {
	t.Helper()
	s.stripe.mu.Lock()
	defer s.stripe.mu.Unlock()
	if len(s.stripe.intents) != 1 {
		t.Fatalf("Stripe has %d PaymentIntents, want 1", len(s.stripe.intents))
	}
	return s.stripe.intents[0]
}

// pay does what the customer does at Stripe.
func (s *shop) pay(t *testing.T, outcome providertest.Outcome) {
	t.Helper()
	if err := s.stripe.pay(s.intent(t).ID, outcome); err != nil {
		t.Fatal(err)
	}
}

// forge sends a callback like the last one with another signature, which must be refused.
func (s *shop) forge(t *testing.T, secret string, at time.Time) {
	t.Helper()
	s.stripe.mu.Lock()
	callback := s.stripe.callbacks[len(s.stripe.callbacks)-1]
	s.stripe.mu.Unlock()
	callback.Header = sign(secret, at, callback.Body)
	s.call(t, callback).MustBeProblem(t, http.StatusUnauthorized, "invalid_signature")
}

// receive sends all callbacks that Stripe has not sent yet twice, the last one first.
func (s *shop) receive(t *testing.T, want int) {
	t.Helper()
	s.stripe.mu.Lock()
	callbacks := s.stripe.callbacks
	s.stripe.callbacks = nil
	s.stripe.mu.Unlock()
	if len(callbacks) != want {
		t.Errorf("Stripe has %d callbacks, want %d", len(callbacks), want)
	}
	for i := range 2 * len(callbacks) {
		s.call(t, callbacks[len(callbacks)-1-i%len(callbacks)]).MustBe(t, http.StatusNoContent)
	}
}

// require requires the status and the amounts of the order's payment.
func (s *shop) require(t *testing.T, status payment.State, captured, refunded int64) (p payment.Payment) {
	t.Helper()
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders/" + s.order.String() + "/payment", Token: s.token}).
		MustBe(t, http.StatusOK).Into(t, &p)
	if p.Status != status || p.Captured.Amount != captured || p.Refunded.Amount != refunded {
		t.Fatalf("the payment is %+v, want %s with %d captured and %d refunded", p, status, captured, refunded)
	}
	return p
}

// TestServiceWithStripe takes a payment from its request to a refund: requests over HTTP that
// stripe-mock validates, callbacks signed by stripe-go, events and callbacks twice.
func TestServiceWithStripe(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.deliver(t, "payment-request", "stock-reserved")
	if p := s.require(t, payment.Requested, 0, 0); p.NextAction == nil || p.NextAction.ClientSecret == "" {
		t.Errorf("the customer cannot pay: %+v", p)
	}
	s.pay(t, providertest.Decline)
	s.receive(t, 1)
	s.require(t, payment.Requested, 0, 0)

	s.pay(t, providertest.Approve)
	s.forge(t, "another secret", clock.System())
	s.forge(t, providertest.NewSecret, clock.System().Add(-2*provider.Tolerance))
	s.require(t, payment.Requested, 0, 0)
	s.receive(t, 1)
	s.require(t, payment.Authorized, 0, 0)

	s.deliver(t, "payment-capture", "order-shipped")
	s.require(t, payment.Captured, orderTotal, 0)
	s.receive(t, 1)

	s.Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/orders/" + s.order.String() + "/refunds", Token: s.Tokens.Admin(t),
		Body: map[string]any{"amount": map[string]any{"amount": 1000, "currency": "EUR"}},
	}).MustBe(t, http.StatusCreated)
	s.receive(t, 1)
	s.require(t, payment.PartiallyRefunded, orderTotal, 1000)
	if charge := s.intent(t).LatestCharge; charge.AmountCaptured != orderTotal || charge.AmountRefunded != 1000 {
		t.Errorf("Stripe has captured %d and refunded %d", charge.AmountCaptured, charge.AmountRefunded)
	}
	s.requirePublished(t, map[string]int{"payment-authorized": 1, "payment-captured": 1, "payment-refunded": 1, "payment-failed": 0, "payment-disputed": 0})
}

// TestServiceWithStripeVoid cancels an order that was paid.
func TestServiceWithStripeVoid(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.deliver(t, "payment-request", "stock-reserved")
	s.pay(t, providertest.Approve)
	s.receive(t, 1)
	s.deliver(t, "payment-void", "order-cancelled")
	s.receive(t, 1)
	s.require(t, payment.Voided, 0, 0)
}

// requirePublished requires the number of published events by type, and that each is about the
// order.
func (s *shop) requirePublished(t *testing.T, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for kind := range want {
		events := s.Published.Events(kind)
		got[kind] = len(events)
		for _, e := range events {
			if e.AggregateID != s.order || !json.Valid(e.Payload) {
				t.Errorf("%s is about %s, want %s: %s", kind, e.AggregateID, s.order, e.Payload)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("published events (-want +got):\n%s", diff)
	}
}
