package payment

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/shared/api"
)

const (
	testKey    = "test-api-key"
	testSecret = "test-webhook-secret"
	testURL    = "http://pay.localhost"
	shopURL    = "http://shop.localhost/orders/1"
)

// simulated is a clock that only moves when a test or a fault's delay moves it.
type simulated struct {
	mu sync.Mutex
	at time.Time
}

func (s *simulated) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *simulated) forward(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = s.at.Add(d)
}

// callback is a request that the webhook received.
type callback struct {
	Event
	signature string
	body      []byte
}

// webhook records callbacks. It is the transport of a provider.
type webhook struct {
	mu        sync.Mutex
	callbacks []callback
	// status is that of the responses.
	status atomic.Int64
}

func (h *webhook) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	status := int(cmp.Or(h.status.Load(), http.StatusNoContent))
	c := callback{signature: r.Header.Get(SignatureHeader), body: body}
	if err := json.Unmarshal(body, &c.Event); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.callbacks = append(h.callbacks, c)
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: r}, nil
}

// types returns the types of the callbacks, in order.
func (h *webhook) types() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var types []string
	for _, c := range h.callbacks {
		types = append(types, strings.TrimPrefix(c.Type, "payment."))
	}
	return strings.Join(types, ", ")
}

// fixture is a provider in this process, with a simulated clock and a webhook.
type fixture struct {
	*Provider
	t       *testing.T
	clock   *simulated
	webhook *webhook
	client  *http.Client
	keys    atomic.Int64
}

// open returns a provider for a test. Change, unless nil, changes its options.
func open(t *testing.T, change func(*Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: &simulated{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, webhook: &webhook{}}
	f.reopen(change)
	return f
}

// reopen starts another provider with the clock and webhook of the fixture.
func (f *fixture) reopen(change func(*Options)) {
	f.t.Helper()
	options := Options{
		APIKey: testKey, WebhookSecret: testSecret, WebhookURL: "http://shop.localhost/webhook", URL: testURL,
		Clock: f.clock.now, Transport: f.webhook,
	}
	if change != nil {
		change(&options)
	}
	if options.Wait == nil {
		options.Wait = waitBy(f.clock)
	}
	p, err := New(options)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			f.t.Error(err)
		}
	})
	f.Provider = p
	f.client = &http.Client{Transport: p.Transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// response is a response to a test.
type response struct {
	status int
	header http.Header
	body   string
	Payment
	api.Problem
	Items []Payment
}

// send sends a request with the API key, and with an idempotency key unless it is empty.
func (f *fixture) send(method, path, key, body string) (response, error) {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), method, testURL+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+testKey)
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set(keyHeader, key)
	}
	got, err := f.client.Do(request)
	if err != nil {
		return response{}, err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		return response{}, err
	}
	r := response{status: got.StatusCode, header: got.Header, body: string(text)}
	target := any(&r.Payment)
	switch {
	case got.Header.Get("Content-Type") == api.ProblemType:
		target = &r.Problem
	case method == http.MethodGet && bytes.HasPrefix(text, []byte(`{"items"`)):
		target = &struct{ Items *[]Payment }{&r.Items}
	}
	return r, json.Unmarshal(text, target)
}

// must sends a request, which must have a response with a status.
func (f *fixture) must(status int, method, path, key, body string) response {
	f.t.Helper()
	r, err := f.send(method, path, key, body)
	if err != nil || r.status != status {
		f.t.Fatalf("%s %s %s: status %d, %v, want %d: %s", method, path, body, r.status, err, status, r.body)
	}
	return r
}

// post posts a body with a new idempotency key.
func (f *fixture) post(path, body string) response {
	f.t.Helper()
	r, err := f.send(http.MethodPost, path, f.key(), body)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

func (f *fixture) key() string { return "key-" + strconv.FormatInt(f.keys.Add(1), 10) }

// newPayment returns the body to create a payment of 100.00 EUR.
func newPayment(capture Capture) string {
	return `{"amount": 10000, "currency": "EUR", "reference": "order-1", "returnUrl": "` + shopURL + `", "capture": "` + string(capture) + `"}`
}

// mustCreate creates a payment of 100.00 EUR and returns its path.
func (f *fixture) mustCreate(capture Capture) (path string) {
	f.t.Helper()
	return "/v1/payments/" + f.must(http.StatusCreated, http.MethodPost, "/v1/payments", f.key(), newPayment(capture)).ID
}

// mustPay creates a payment and pays it.
func (f *fixture) mustPay(capture Capture, card string) (path string) {
	f.t.Helper()
	path = f.mustCreate(capture)
	if _, err := f.Pay(strings.TrimPrefix(path, "/v1/payments/"), card, ""); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// mustGet returns a payment.
func (f *fixture) mustGet(path string) Payment {
	f.t.Helper()
	return f.must(http.StatusOK, http.MethodGet, path, "", "").Payment
}

// requireProblem requires that a response is a problem.
func requireProblem(t *testing.T, r response, status int, code string) {
	t.Helper()
	if r.status != status || r.Code != code {
		t.Errorf("got %d %q, want %d %q: %s", r.status, r.Code, status, code, r.body)
	}
}

// isAborted reports whether a request had no response.
func isAborted(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }
