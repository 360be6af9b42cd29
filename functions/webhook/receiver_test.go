package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"souk/functions/fixtures"
	"souk/functions/webhook"
	"souk/shared/event"
	"souk/shared/function/functiontest"
)

// received is a request that a receiver has accepted.
type received struct {
	ID   uuid.UUID           `json:"id"`
	Type string              `json:"type"`
	Data webhook.ProductData `json:"data"`
}

// receiver is the server of an endpoint. It verifies each request.
type receiver struct {
	url string

	mu       sync.Mutex
	secrets  []string
	respond  func(w http.ResponseWriter, r *http.Request) bool // whether the request is accepted
	requests int
	accepted []received
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) { r.serve(t, w, request) }))
	t.Cleanup(server.Close)
	r.url = server.URL + "/hook"
	return r
}

func (r *receiver) serve(t *testing.T, w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		t.Error(err)
	}
	r.mu.Lock()
	r.requests++
	respond, secrets := r.respond, r.secrets
	r.mu.Unlock()
	for _, secret := range secrets {
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err == nil {
			err = verifier.VerifyIgnoringTimestamp(body, request.Header)
		}
		if err != nil {
			t.Errorf("verify %s: %v", request.Header, err)
		}
	}
	var got received
	if err := json.Unmarshal(body, &got); err != nil || got.ID.String() != request.Header.Get("Webhook-Id") {
		t.Errorf("event %s is %s: %v", request.Header.Get("Webhook-Id"), body, err)
	}
	if respond == nil || respond(w, request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.accepted = append(r.accepted, got)
	}
}

// set sets how requests are responded to, nil accepts all.
func (r *receiver) set(respond func(w http.ResponseWriter, r *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.respond = respond
}

// down responds with 500 to all requests.
func (r *receiver) down() { r.status(http.StatusInternalServerError) }

func (r *receiver) status(status int) {
	r.set(func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "not now", status)
		return false
	})
}

func (r *receiver) all() ([]received, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.accepted...), r.requests
}

// mustSubscribe creates an endpoint of the receiver.
func (f *fixture) mustSubscribe(t *testing.T, r *receiver, types ...string) webhook.EndpointSecret {
	t.Helper()
	created := f.mustCreate(t, r.url, types...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets = append(r.secrets, created.Secret)
	return created
}

// newProductEvent returns a product-changed event of a product at the time of the clock.
func (f *fixture) newProductEvent(t *testing.T, product uuid.UUID, version int) event.Event {
	t.Helper()
	e := functiontest.NewEvent(t, "product-changed", fixtures.ProductChanged(product, version, "Tea", fixtures.Price(1)))
	e.AggregateID, e.Time = product, f.now()
	return e
}

func (f *fixture) mustFanout(t *testing.T, e event.Event) {
	t.Helper()
	f.Deliver(t, "webhook-fanout", e).MustBe(t, http.StatusNoContent)
}

// mustPublish stores the deliveries of a new product-changed event and returns it.
func (f *fixture) mustPublish(t *testing.T, product uuid.UUID, version int) event.Event {
	t.Helper()
	e := f.newProductEvent(t, product, version)
	f.mustFanout(t, e)
	return e
}

// mustPump delivers the events webhook-due that were published, also those that follow.
func (f *fixture) mustPump(t *testing.T) {
	t.Helper()
	for {
		due := f.Published.Events("webhook-due")
		f.mu.Lock()
		from := f.pumped
		f.pumped = len(due)
		f.mu.Unlock()
		if from == len(due) {
			return
		}
		for _, e := range due[from:] {
			if e.AggregateID == f.background {
				f.runs.Go(func() { f.Deliver(t, "webhook-deliver", e) })
				continue
			}
			f.Deliver(t, "webhook-deliver", e).MustBe(t, http.StatusNoContent)
		}
	}
}

// mustTick runs webhook-outbox later, and what follows.
func (f *fixture) mustTick(t *testing.T, after time.Duration) {
	t.Helper()
	f.advance(after)
	f.Deliver(t, "webhook-outbox", functiontest.NewEvent(t, "webhook-outbox", struct{}{})).MustBe(t, http.StatusNoContent)
	f.mustPump(t)
}

func get[T any](t *testing.T, f *fixture, path string) (value T) {
	t.Helper()
	f.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: f.admin(t)}).MustBe(t, http.StatusOK).Into(t, &value)
	return value
}
