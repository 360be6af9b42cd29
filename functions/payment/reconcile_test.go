package payment

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/config"
	"souk/shared/function/functiontest"
	"souk/shared/money"
)

func TestReconcile(t *testing.T) {
	t.Parallel()
	t.Run("a payment whose callback is lost is found within a minute", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		var orders []order
		for range 5 {
			o := f.mustOpen(t)
			f.bank.pay(f.paymentOf(t, o).ID)
			orders = append(orders, o)
		}
		f.advance(pollWaiting)
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() { f.mustRun(t, "payment-reconcile") })
		}
		all.Wait()
		for _, o := range orders {
			if p := f.mustGet(t, o); p.Status != Authorized {
				t.Errorf("got %+v", p)
			}
			f.requireEvents(t, o, map[string]int{"payment-authorized": 1})
		}
	})

	t.Run("a payment that waits is polled less often with time, one that is captured is not", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		f.mustCapture(t)
		f.mustOpen(t)
		gets := func(minutes int) int {
			before := f.bank.requests["get"]
			for range minutes {
				f.mustReconcile(t, time.Minute)
			}
			return f.bank.requests["get"] - before
		}
		if n := gets(5); n != 5 {
			t.Errorf("%d requests in the first 5 minutes, want 5", n)
		}
		gets(30)
		if n := gets(20); n != 2 {
			t.Errorf("%d requests in 20 minutes, half an hour later, want 2", n)
		}
	})

	t.Run("callbacks and runs at the same time publish once", func(t *testing.T) {
		t.Parallel()
		f := open(t, config.Environment{"PAYMENT_CAPTURE": "at_once"})
		var orders []order
		for range 8 {
			orders = append(orders, f.mustOpen(t))
		}
		f.advance(pollWaiting)
		var all sync.WaitGroup
		for i, o := range orders {
			id := f.paymentOf(t, o).ID
			f.bank.pay(id)
			all.Go(func() { f.mustCall(t, fmt.Sprint(i), "payment_intent.succeeded", id) })
		}
		all.Go(func() { f.mustRun(t, "payment-reconcile") })
		all.Wait()
		f.mustReconcile(t, claimTimeout)
		for _, o := range orders {
			f.requireEvents(t, o, map[string]int{"payment-authorized": 1, "payment-captured": 1})
		}
	})
}

// TestStray gives back payments at the provider that have no effect on their orders.
func TestStray(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	known, cancelled := f.mustOpen(t), f.newOrder(t)
	f.deliver(t, "order-cancelled", cancelled).MustBe(t, http.StatusNoContent)
	create := func(reference, key string) string {
		p, err := f.bank.Create(t.Context(), provider.Creation{
			Amount: money.Money{Amount: total, Currency: "EUR"}, Reference: reference, ReturnURL: "https://shop.example/", Capture: provider.Automatic, Key: key,
		})
		if err != nil {
			t.Fatal(err)
		}
		return p.ID
	}
	twice, late, other, foreign := create(known.id.String(), "a"), create(cancelled.id.String(), "b"), create(uuid.NewString(), "c"), create("invoice-17", "d")
	f.bank.pay(late)
	f.bank.fail = failTimes("void", false, 1, errTemporary)
	// A run that cannot give a payment back fails, and the next one compares the list again.
	f.Deliver(t, "payment-reconcile", functiontest.NewEvent(t, "payment-reconcile", struct{}{})).MustBe(t, http.StatusInternalServerError)
	f.mustReconcile(t, time.Minute)
	state := func(id string) provider.State {
		p, err := f.bank.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return p.State
	}
	if state(twice) != provider.Voided || state(late) != provider.Refunded {
		t.Errorf("the payment that was created twice is %s, that of the cancelled order %s", state(twice), state(late))
	}
	if state(other) != provider.Requested || state(foreign) != provider.Requested {
		t.Errorf("payments of other systems are %s and %s", state(other), state(foreign))
	}
	if p := f.mustGet(t, known); p.Status != Requested {
		t.Errorf("the order's own payment is %+v", p)
	}
	f.requireEvents(t, known, nil)
	f.requireEvents(t, cancelled, nil)
}

// TestReconcileWithoutPayments asks no provider in a shop that has no payments.
func TestReconcileWithoutPayments(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	lists := 0
	f.bank.fail = func(operation string, after bool) error {
		if operation == "list" && !after {
			lists++
		}
		return nil
	}
	f.mustReconcile(t, 0)
	if lists != 0 {
		t.Errorf("the provider was asked for its list %d times", lists)
	}
	f.mustOpen(t)
	f.mustReconcile(t, 0)
	if lists == 0 {
		t.Error("the provider was not asked for its list of payments")
	}
}
