package payment

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"souk/functions/payment/provider"
	"souk/shared/config"
	"souk/shared/event"
	"souk/shared/function/functiontest"
)

func TestRequest(t *testing.T) {
	t.Parallel()
	f := open(t, nil)

	t.Run("one payment is created, however often the event is delivered", func(t *testing.T) {
		t.Parallel()
		o := f.newOrder(t)
		e := f.newEvent(t, "stock-reserved", o)
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() { f.Deliver(t, "payment-request", e) }) // one may find another in progress
		}
		all.Wait()
		f.Deliver(t, "payment-request", e).MustBe(t, http.StatusNoContent)
		p := f.mustGet(t, o)
		if p.Status != Requested || p.Amount.Amount != total || p.NextAction == nil || p.NextAction.URL != "https://bank.example/pay" {
			t.Errorf("got %+v", p)
		}
		if got := f.paymentOf(t, o); got.Capture != provider.Manual {
			t.Errorf("the bank has %+v", got)
		}
		f.requireEvents(t, o, nil)
	})

	t.Run("an order without payment has none", func(t *testing.T) {
		t.Parallel()
		o := f.newOrder(t)
		f.Deliver(t, "payment-request", functiontest.NewEvent(t, "stock-reserved", map[string]any{"orderId": o.id})).MustBe(t, http.StatusNoContent)
		f.get(t, o.token, o).MustBeProblem(t, http.StatusNotFound, "payment_not_found")
	})
}

// mustSpendKey delivers events about a new order while attempts to create its payment fail, before
// or after their effect, with an unknown outcome, until their key is spent.
func (f *fixture) mustSpendKey(t *testing.T, after bool, eventTypes ...string) order {
	t.Helper()
	f.bank.fail = failTimes("create", after, attemptsPerKey, errUnknown)
	o := f.newOrder(t)
	for _, eventType := range eventTypes {
		f.deliver(t, eventType, o).MustBe(t, http.StatusInternalServerError)
	}
	for range attemptsPerKey {
		f.mustReconcile(t, settleTime)
	}
	return o
}

// TestRequestFails creates payments at a bank that fails.
func TestRequestFails(t *testing.T) {
	t.Parallel()
	t.Run("a payment that the bank refuses is declined", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		f.bank.fail = failTimes("create", false, 1, errInvalid)
		o := f.mustOpen(t)
		if p := f.mustGet(t, o); p.Status != Declined || p.Failure != "amount_too_small" {
			t.Errorf("got %+v", p)
		}
		if got := published[FailedEvent](t, f, "payment-failed", o); len(got) != 1 || got[0].Reason != ReasonDeclined || got[0].PaymentID != "" {
			t.Errorf("payment-failed is %+v", got)
		}
	})

	t.Run("a payment whose creation is never known to have succeeded is found in the list", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		o := f.mustSpendKey(t, true, "stock-reserved")
		if p := f.mustGet(t, o); p.Status != Requested || p.NextAction == nil {
			t.Errorf("got %+v", p)
		}
		f.paymentOf(t, o) // one
	})

	t.Run("after many attempts without an effect another key is used", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		o := f.mustSpendKey(t, false, "stock-reserved")
		f.mustGet(t, o)
		for key := range f.bank.keys {
			if key[len(key)-2:] != "-1" {
				t.Errorf("the key is %s, want generation 1", key)
			}
		}
	})

	t.Run("a payment that was cancelled meanwhile is given up", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		o := f.mustSpendKey(t, false, "stock-reserved", "order-cancelled")
		if p := f.mustGet(t, o); p.Status != Voided {
			t.Errorf("got %+v", p)
		}
		f.requireEvents(t, o, nil)
	})

	t.Run("an event is acknowledged after some minutes, and reconcile continues", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		f.bank.fail = func(string, bool) error { return errTemporary }
		o := f.newOrder(t)
		e := f.newEvent(t, "stock-reserved", o)
		f.Deliver(t, "payment-request", e).MustBe(t, http.StatusInternalServerError)
		f.advance(redeliverFor)
		f.Deliver(t, "payment-request", e).MustBe(t, http.StatusNoContent)
		f.bank.fail = nil
		f.mustReconcile(t, maxBackoff)
		if p := f.mustGet(t, o); p.NextAction == nil {
			t.Errorf("got %+v", p)
		}
	})
}

// TestInterrupted interrupts the creation at each point, as a kill of the process does.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, p := range []point{pointBegun, pointRequested, pointRecorded} {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			f := open(t, nil)
			f.service.interrupt = func(at point) error {
				if at == p {
					return errKilled
				}
				return nil
			}
			o := f.newOrder(t)
			e := f.newEvent(t, "stock-reserved", o)
			f.Deliver(t, "payment-request", e).MustBe(t, http.StatusInternalServerError)
			f.service.interrupt = nil
			if p != pointRecorded {
				// Until the claim ends, it is not known that the other delivery has died.
				f.Deliver(t, "payment-request", e).MustBe(t, http.StatusInternalServerError)
				requireWarning(t, e)
			}
			f.advance(claimTimeout)
			f.Deliver(t, "payment-request", e).MustBe(t, http.StatusNoContent)
			if p := f.mustGet(t, o); p.Status != Requested || p.NextAction == nil {
				t.Errorf("got %+v", p)
			}
			f.paymentOf(t, o) // one
		})
	}
}

// requireWarning requires that the last delivery of an event was logged as one that is to be redelivered in the
// usual course.
func requireWarning(t *testing.T, e event.Event) {
	t.Helper()
	entries := logs.Entries(t, "process event", "event", e.ID.String())
	if last := entries[len(entries)-1]; last["severity"] != "WARNING" {
		t.Errorf("logged was %v", last)
	}
}

// TestClaimLost lets a request take longer than its claim: its outcome is ignored, and found by
// the next one.
func TestClaimLost(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.newOrder(t)
	f.deliver(t, "stock-reserved", o).MustBe(t, http.StatusNoContent)
	f.bank.pay(f.paymentOf(t, o).ID)
	f.service.interrupt = func(p point) error {
		if p == pointRequested {
			f.service.interrupt = nil
			f.advance(claimTimeout)
			return f.service.drive(t.Context(), o.id, true)
		}
		return nil
	}
	f.advance(pollWaiting)
	if err := f.service.drive(t.Context(), o.id, true); !errors.Is(err, errClaimLost) {
		t.Errorf("got %v, want %v", err, errClaimLost)
	}
	f.requireEvents(t, o, map[string]int{"payment-authorized": 1})
}

func TestTooManyDeclines(t *testing.T) {
	t.Parallel()
	f := open(t, config.Environment{"PAYMENT_MAX_DECLINES": "3", "PAYMENT_MAX_DECLINES_PER_CUSTOMER": "3"})
	o := f.mustOpen(t)
	id := f.paymentOf(t, o).ID
	for _, callback := range []string{"1", "2", "2"} {
		f.mustCall(t, callback, "payment_intent.payment_failed", id)
	}
	if p := f.mustGet(t, o); p.Status != Requested {
		t.Fatalf("after two declined cards: %+v", p)
	}
	f.mustCall(t, "3", "payment_intent.payment_failed", id)
	if p := f.mustGet(t, o); p.Status != Voided || f.paymentOf(t, o).State != provider.Voided {
		t.Errorf("after three declined cards: %+v", p)
	}
	if got := published[FailedEvent](t, f, "payment-failed", o); len(got) != 1 || got[0].Reason != ReasonDeclined {
		t.Errorf("payment-failed is %+v", got)
	}

	next := order{id: f.newOrder(t).id, owner: o.owner, token: o.token}
	f.deliver(t, "stock-reserved", next).MustBe(t, http.StatusNoContent)
	if p := f.mustGet(t, next); p.Status != Declined || p.Failure != failureTooManyDeclines {
		t.Errorf("the customer's next payment is %+v", p)
	}
	f.requireEvents(t, next, map[string]int{"payment-failed": 1})
	other := f.mustOpen(t)
	if p := f.mustGet(t, other); p.Status != Requested {
		t.Errorf("another customer's payment is %+v", p)
	}
	f.advance(declinesWindow + time.Second)
	later := order{id: f.newOrder(t).id, owner: o.owner, token: o.token}
	f.deliver(t, "stock-reserved", later).MustBe(t, http.StatusNoContent)
	if len(f.bank.all(later.id.String())) != 1 {
		t.Error("an hour later, the customer's payments still fail")
	}
}
