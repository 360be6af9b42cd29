// Package payment_test tests the adapter of the local payment provider with that provider, which
// neither of the two packages imports.
package payment_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"souk/emulators/payment"
	"souk/functions/payment/provider"
	"souk/functions/payment/provider/local"
	"souk/functions/payment/provider/providertest"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/money"
)

// webhook records callbacks. It is the transport of a provider.
type webhook struct {
	mu        sync.Mutex
	callbacks []providertest.Request
}

// RoundTrip records a callback.
func (w *webhook) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.callbacks = append(w.callbacks, providertest.Request{Header: r.Header, Body: body})
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: r}, nil
}

// next returns the callbacks since the last call.
func (w *webhook) next() []providertest.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	callbacks := w.callbacks
	w.callbacks = nil
	return callbacks
}

// kinds maps faults to those of the provider.
var kinds = map[providertest.Fault]payment.Kind{
	providertest.TimeoutBefore: payment.TimeoutBefore,
	providertest.TimeoutAfter:  payment.TimeoutAfter,
	providertest.ErrorBefore:   payment.ErrorBefore,
	providertest.ErrorAfter:    payment.ErrorAfter,
}

// cards maps outcomes to test cards.
var cards = map[providertest.Outcome]string{
	providertest.Approve:   payment.CardApproved,
	providertest.Decline:   payment.CardDeclined,
	providertest.Challenge: payment.CardChallenge,
}

const url = "http://pay.localhost"

// mustOpen returns a provider in this process and the transport to it.
func mustOpen(t *testing.T, now clock.Clock, w *webhook) *payment.Provider {
	t.Helper()
	p, err := payment.New(payment.Options{
		APIKey: providertest.APIKey, WebhookSecret: providertest.OldSecret, URL: url,
		WebhookURL: "http://shop.localhost/webhook", Clock: now, Transport: w,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// mustAdapt returns the adapter of the provider at a URL.
func mustAdapt(t *testing.T, url string, transport http.RoundTripper) *local.Provider {
	t.Helper()
	adapter, err := local.New(local.Options{
		URL: url, APIKey: config.NewSecret(providertest.APIKey), WebhookSecrets: providertest.WebhookSecrets(), Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return adapter
}

func TestLocal(t *testing.T) {
	t.Parallel()
	providertest.Run(t, func(t *testing.T) providertest.System {
		t.Helper()
		now, callbacks := clock.Fixed(time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)), &webhook{}
		p := mustOpen(t, now, callbacks)
		return providertest.System{
			Provider: mustAdapt(t, url, p.Transport()), Now: now,
			Pay: func(id string, outcome providertest.Outcome) error {
				_, err := p.Pay(id, cards[outcome], "")
				return err
			},
			Inject: func(operation string, fault providertest.Fault) error {
				return p.Inject(payment.Fault{Operation: operation, Kind: kinds[fault]})
			},
			Callbacks: func() []providertest.Request {
				p.Deliver(t.Context())
				return callbacks.next()
			},
			Sign: func(secret string, at time.Time, body []byte) http.Header {
				return http.Header{payment.SignatureHeader: {payment.Sign(secret, at, body)}}
			},
		}
	})
}

// states is a provider whose time a test moves.
type states struct {
	*testing.T

	provider *payment.Provider
	adapter  *local.Provider
	keys     int

	mu sync.Mutex
	at time.Time
}

func (s *states) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *states) forward(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = s.at.Add(d)
}

// mustPay creates a payment of 100.00 EUR, pays it with a card some times and returns its id.
func (s *states) mustPay(mode provider.CaptureMode, card string, times int) string {
	s.Helper()
	s.keys++
	created, err := s.adapter.Create(s.Context(), provider.Creation{
		Amount: money.Money{Amount: 10_000, Currency: "EUR"}, Reference: "order-1", ReturnURL: "http://shop.localhost/",
		Capture: mode, Key: strconv.Itoa(s.keys),
	})
	for range times {
		if err == nil {
			_, err = s.provider.Pay(created.ID, card, "")
		}
	}
	if err != nil {
		s.Fatal(err)
	}
	return created.ID
}

func (s *states) mustDispute(id, outcome string) {
	s.Helper()
	if _, err := s.provider.Dispute(id, outcome); err != nil {
		s.Fatal(err)
	}
}

// require requires the state and the amounts of a payment.
func (s *states) require(id string, state provider.State, captured, refunded int64) {
	s.Helper()
	got, err := s.adapter.Get(s.Context(), id)
	if err != nil || got.State != state || got.Captured != captured || got.Refunded != refunded {
		s.Errorf("got %+v, %v, want %s, %d, %d", got, err, state, captured, refunded)
	}
}

// TestLocalStates tests the states that only time and banks reach.
func TestLocalStates(t *testing.T) {
	t.Parallel()
	s := &states{T: t, at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	s.provider = mustOpen(t, s.now, &webhook{})
	s.adapter = mustAdapt(t, url, s.provider.Transport())

	s.require(s.mustPay(provider.Manual, payment.CardDeclined, 3), provider.Declined, 0, 0)

	disputed := s.mustPay(provider.Automatic, payment.CardApproved, 1)
	s.mustDispute(disputed, payment.DisputeOpened)
	s.require(disputed, provider.Disputed, 10_000, 0)
	s.mustDispute(disputed, payment.DisputeLost)
	s.require(disputed, provider.Refunded, 10_000, 10_000)

	late := s.mustPay(provider.Automatic, payment.CardLate, 1)
	s.require(late, provider.Processing, 0, 0)
	authorized, unpaid := s.mustPay(provider.Manual, payment.CardApproved, 1), s.mustPay(provider.Manual, "", 0)
	s.forward(time.Minute)
	s.require(late, provider.Captured, 10_000, 0)
	s.forward(24 * time.Hour)
	s.require(unpaid, provider.Expired, 0, 0)
	s.require(authorized, provider.Authorized, 0, 0)
	s.forward(7 * 24 * time.Hour)
	s.require(authorized, provider.Expired, 0, 0)
}

// TestLocalNetwork tests the adapter over the network, where a timeout ends a real connection.
func TestLocalNetwork(t *testing.T) {
	t.Parallel()
	server, err := payment.Start(t.Context(), "", payment.Options{APIKey: providertest.APIKey, WebhookSecret: providertest.OldSecret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	adapter := mustAdapt(t, server.URL(), nil)
	in := provider.Creation{
		Amount: money.Money{Amount: 500, Currency: "JPY"}, Reference: "order-1", ReturnURL: "http://shop.localhost/",
		Capture: provider.Manual, Key: "key",
	}
	if err := server.Inject(payment.Fault{Operation: payment.OperationCreate, Kind: payment.TimeoutAfter}); err != nil {
		t.Fatal(err)
	}
	if _, err := adapter.Create(t.Context(), in); provider.ClassOf(err) != provider.ClassUnknown {
		t.Errorf("got %v, want an unknown outcome", err)
	}
	created, err := adapter.Create(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	page, err := adapter.List(t.Context(), provider.Query{})
	if err != nil || len(page.Items) != 1 || page.Items[0].ID != created.ID {
		t.Errorf("got %+v, %v, want one payment", page, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := adapter.Get(ctx, created.ID); provider.ClassOf(err) != provider.ClassTemporary || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the context is canceled", err)
	}
}
