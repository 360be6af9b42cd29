package payment

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/payment/provider"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

// contract checks every response and event of these tests.
var contract = functiontest.NewContract(functions.OpenAPI, functions.Events)

// fixture is the payment service under test, with a bank and a clock that the test moves ahead of
// the machine's, by which tokens are signed.
type fixture struct {
	*functiontest.Server

	bank    *bank
	service *service

	mu    sync.Mutex
	ahead time.Duration
	// reading is the clock instead, if it is not nil.
	reading func() time.Time
}

func (f *fixture) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reading != nil {
		return f.reading()
	}
	return clock.System().Add(f.ahead)
}

// setClock replaces the clock, or restores it with nil.
func (f *fixture) setClock(reading func() time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reading = reading
}

func (f *fixture) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ahead += d
}

func open(t *testing.T, settings config.Environment) *fixture {
	t.Helper()
	f := &fixture{}
	f.bank = newBank(f.now)
	environment := config.Environment{"PAYMENT_PROVIDER": bankName, "SMTP_URL": "smtp://127.0.0.1:9", "MAIL_FROM": "shop@souk.test"}
	maps.Copy(environment, settings)
	build := func(runtime *function.Runtime) ([]function.Function, error) {
		var err error
		f.service, err = newService(runtime, map[string]Adapter{bankName: func(Settings, Secrets) (provider.Provider, error) { return f.bank, nil }})
		if err != nil {
			return nil, err
		}
		return f.service.functions(), nil
	}
	f.Server = functiontest.Start(t, functions.Manifest(), "payment", build, Migrations, environment,
		functiontest.WithContract(contract), functiontest.WithClock(f.now))
	return f
}

// order is an order that is to be paid.
type order struct {
	id    uuid.UUID
	owner auth.Principal
	token string
}

const total = 5427

func euros(amount int) map[string]any { return map[string]any{"amount": amount, "currency": "EUR"} }

func (f *fixture) newOrder(t *testing.T) order {
	t.Helper()
	owner, token := f.Tokens.Customer(t)
	return order{uuid.Must(uuid.NewV7()), owner, token}
}

// newEvent returns a new event about an order.
func (f *fixture) newEvent(t *testing.T, eventType string, o order) event.Event {
	t.Helper()
	payload := map[string]any{"orderId": o.id, "userId": o.owner.UserID, "total": euros(total), "payment": "required"}
	if eventType != "stock-reserved" {
		payload["items"] = []any{}
	}
	e := functiontest.NewEvent(t, eventType, payload)
	e.Time = f.now()
	return e
}

// functionsOf maps the types of events to the functions that they are delivered to.
var functionsOf = map[string]string{
	"stock-reserved": "payment-request", "order-shipped": "payment-capture", "shipment-created": "payment-capture", "order-confirmed": "payment-match",
	"order-cancelled": "payment-void", "order-rejected": "payment-void",
}

func (f *fixture) deliver(t *testing.T, eventType string, o order) functiontest.Response {
	t.Helper()
	return f.Deliver(t, functionsOf[eventType], f.newEvent(t, eventType, o))
}

// mustOpen stores an order's payment, which the customer has not made.
func (f *fixture) mustOpen(t *testing.T) order {
	t.Helper()
	o := f.newOrder(t)
	f.deliver(t, "stock-reserved", o).MustBe(t, http.StatusNoContent)
	return o
}

// mustPay returns an order that was paid, and captured at once if that is the setting.
func (f *fixture) mustPay(t *testing.T) order {
	t.Helper()
	o := f.mustOpen(t)
	id := f.paymentOf(t, o).ID
	f.bank.pay(id)
	f.mustCall(t, uuid.NewString(), "payment_intent.changed", id)
	return o
}

func (f *fixture) mustCapture(t *testing.T) order {
	t.Helper()
	o := f.mustPay(t)
	f.deliver(t, "order-shipped", o).MustBe(t, http.StatusNoContent)
	return o
}

// paymentOf returns the bank's only payment of an order.
func (f *fixture) paymentOf(t *testing.T, o order) provider.Payment {
	t.Helper()
	payments := f.bank.all(o.id.String())
	if len(payments) != 1 {
		t.Fatalf("the bank has %d payments of order %s, want 1", len(payments), o.id)
	}
	return payments[0]
}

func (f *fixture) call(t *testing.T, name, signature string, body any) functiontest.Response {
	t.Helper()
	return f.Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/payments/" + name + "/webhook", Body: body, Header: map[string]string{"Signature": signature},
	})
}

// mustCall sends a callback.
func (f *fixture) mustCall(t *testing.T, id, kind, paymentID string) {
	t.Helper()
	f.call(t, bankName, bankSecret, map[string]string{"id": id, "type": kind, "payment": paymentID}).MustBe(t, http.StatusNoContent)
}

func (f *fixture) get(t *testing.T, token string, o order) functiontest.Response {
	t.Helper()
	return f.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders/" + o.id.String() + "/payment", Token: token})
}

func (f *fixture) mustGet(t *testing.T, o order) Payment {
	t.Helper()
	var p Payment
	f.get(t, o.token, o).MustBe(t, http.StatusOK).Into(t, &p)
	return p
}

// mustRun runs a scheduled function.
func (f *fixture) mustRun(t *testing.T, name string) {
	t.Helper()
	f.Deliver(t, name, functiontest.NewEvent(t, name, struct{}{})).MustBe(t, http.StatusNoContent)
}

// mustReconcile runs payment-reconcile some minutes later.
func (f *fixture) mustReconcile(t *testing.T, after time.Duration) {
	t.Helper()
	f.advance(after)
	f.mustRun(t, "payment-reconcile")
}

// published returns the payloads of the events of a type about an order.
func published[P any](t *testing.T, f *fixture, eventType string, o order) (payloads []P) {
	t.Helper()
	for _, e := range f.Published.Events(eventType) {
		if e.AggregateID != o.id {
			continue
		}
		var payload P
		if err := json.Unmarshal(e.Payload, &payload); err != nil {
			t.Fatal(err)
		}
		payloads = append(payloads, payload)
	}
	return payloads
}

// requireEvents requires how many events of the types were published about an order.
func (f *fixture) requireEvents(t *testing.T, o order, counts map[string]int) {
	t.Helper()
	for _, topic := range Topics {
		if got := len(published[map[string]any](t, f, topic.Name(), o)); got != counts[topic.Name()] {
			t.Errorf("%s was published %d times, want %d", topic.Name(), got, counts[topic.Name()])
		}
	}
}

var (
	errUnknown   = &provider.Error{Class: provider.ClassUnknown, Operation: "test"}
	errTemporary = &provider.Error{Class: provider.ClassTemporary, Operation: "test"}
	errInvalid   = &provider.Error{Class: provider.ClassInvalid, Operation: "test", Code: "amount_too_small"}
	errKilled    = errors.New("the process was killed")
)

// failTimes returns a failure of the first requests of an operation, before or after their effect.
func failTimes(operation string, after bool, n int, err error) func(string, bool) error {
	return func(o string, a bool) error {
		if o != operation || a != after || n == 0 {
			return nil
		}
		n--
		return err
	}
}
