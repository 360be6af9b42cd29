package payment_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"souk/functions/payment/provider"
	"souk/shared/money"
)

// faulty is the adapter with faults of the process and of the bank.
type faulty struct {
	provider.Provider

	unversioned bool
	mu          sync.Mutex
	crashes     map[string]bool // by operation and before or after it
	declines    map[string]bool // by the end of the path
}

var errCrash = errors.New("the process was killed")

// crash ends the request in progress, if it is to, as the end of the process would.
func (f *faulty) crash(point string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.crashes[point] {
		delete(f.crashes, point)
		panic(errCrash)
	}
}

// set adds a crash or a declined operation.
func set(mu *sync.Mutex, faults *map[string]bool, name string) {
	mu.Lock()
	defer mu.Unlock()
	if *faults == nil {
		*faults = map[string]bool{}
	}
	(*faults)[name] = true
}

func (f *faulty) hide(p provider.Payment) provider.Payment {
	if f.unversioned {
		p.Version = 0
	}
	return p
}

// Create creates a payment.
func (f *faulty) Create(ctx context.Context, in provider.Creation) (provider.Payment, error) {
	f.crash("create before")
	p, err := f.Provider.Create(ctx, in)
	f.crash("create after")
	return f.hide(p), err
}

// Get reads a payment.
func (f *faulty) Get(ctx context.Context, id string) (provider.Payment, error) {
	f.crash("get before")
	p, err := f.Provider.Get(ctx, id)
	f.crash("get after")
	return f.hide(p), err
}

// Capture captures a payment.
func (f *faulty) Capture(ctx context.Context, id string, amount money.Money, key string) (provider.Payment, error) {
	f.crash("capture before")
	p, err := f.Provider.Capture(ctx, id, amount, key)
	f.crash("capture after")
	return f.hide(p), err
}

// Void voids a payment.
func (f *faulty) Void(ctx context.Context, id, key string) (provider.Payment, error) {
	f.crash("void before")
	p, err := f.Provider.Void(ctx, id, key)
	f.crash("void after")
	return f.hide(p), err
}

// Refund refunds a payment.
func (f *faulty) Refund(ctx context.Context, id string, amount money.Money, key string) (provider.Refund, error) {
	f.crash("refund before")
	r, err := f.Provider.Refund(ctx, id, amount, key)
	f.crash("refund after")
	r.Payment = f.hide(r.Payment)
	return r, err
}

// List lists payments.
func (f *faulty) List(ctx context.Context, query provider.Query) (provider.Page, error) {
	page, err := f.Provider.List(ctx, query)
	for i := range page.Items {
		page.Items[i] = f.hide(page.Items[i])
	}
	return page, err
}

// ParseCallback verifies a callback.
func (f *faulty) ParseCallback(header http.Header, body []byte, now time.Time) (provider.Callback, error) {
	c, err := f.Provider.ParseCallback(header, body, now)
	if f.unversioned {
		c.Payment = provider.Payment{ID: c.Payment.ID}
	}
	return c, err
}

// transport returns the transport to the provider with a bank that declines operations.
func (f *faulty) transport(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		f.mu.Lock()
		declined := r.Method == http.MethodPost && f.declines[name]
		if declined {
			delete(f.declines, name)
		}
		f.mu.Unlock()
		if !declined {
			return next.RoundTrip(r)
		}
		body := io.NopCloser(strings.NewReader(`{"code": "do_not_honor"}`))
		return &http.Response{StatusCode: http.StatusPaymentRequired, Body: body, Request: r}, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip sends a request.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
