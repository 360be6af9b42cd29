package payment

import (
	"net/http"
	"sync"
	"testing"

	"souk/functions/payment/provider"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

func TestVoid(t *testing.T) {
	t.Parallel()
	f := open(t, nil)

	t.Run("a cancellation that overtakes the reservation leaves a voided payment", func(t *testing.T) {
		t.Parallel()
		o := f.newOrder(t)
		f.deliver(t, "order-cancelled", o).MustBe(t, http.StatusNoContent)
		f.deliver(t, "stock-reserved", o).MustBe(t, http.StatusNoContent)
		if p := f.mustGet(t, o); p.Status != Voided || len(f.bank.all(o.id.String())) != 0 {
			t.Errorf("got %+v", p)
		}
		f.requireEvents(t, o, nil)
	})

	t.Run("an order without payment has none", func(t *testing.T) {
		t.Parallel()
		o := f.newOrder(t)
		for _, eventType := range []string{"order-shipped", "order-cancelled"} {
			e := functiontest.NewEvent(t, eventType, map[string]any{"orderId": o.id, "userId": o.owner.UserID, "total": euros(total), "items": []any{}})
			f.Deliver(t, functionsOf[eventType], e).MustBe(t, http.StatusNoContent)
		}
		f.get(t, o.token, o).MustBeProblem(t, http.StatusNotFound, "payment_not_found")
	})

	t.Run("a payment that the customer has made is voided", func(t *testing.T) {
		t.Parallel()
		o := f.mustPay(t)
		f.deliver(t, "order-rejected", o).MustBe(t, http.StatusNoContent)
		f.deliver(t, "order-cancelled", o).MustBe(t, http.StatusNoContent)
		if p := f.mustGet(t, o); p.Status != Voided || f.paymentOf(t, o).State != provider.Voided {
			t.Errorf("got %+v", p)
		}
		f.requireEvents(t, o, map[string]int{"payment-authorized": 1})
	})

	t.Run("a payment that was made but whose callback is lost is voided", func(t *testing.T) {
		t.Parallel()
		o := f.mustOpen(t)
		f.bank.pay(f.paymentOf(t, o).ID)
		f.deliver(t, "order-cancelled", o).MustBe(t, http.StatusNoContent)
		if p := f.mustGet(t, o); p.Status != Voided {
			t.Errorf("got %+v", p)
		}
		f.requireEvents(t, o, nil)
	})

	t.Run("a payment that was captured is refunded, also what remains of it", func(t *testing.T) {
		t.Parallel()
		o := f.mustCapture(t)
		f.refund(t, o, map[string]any{"amount": euros(1000)}).MustBe(t, http.StatusCreated)
		f.deliver(t, "order-cancelled", o).MustBe(t, http.StatusNoContent)
		if p := f.mustGet(t, o); p.Status != Refunded || p.Refunded.Amount != total || len(p.Refunds) != 2 {
			t.Errorf("got %+v", p)
		}
		f.requireEvents(t, o, map[string]int{"payment-authorized": 1, "payment-captured": 1, "payment-refunded": 2})
	})

	t.Run("what the provider ends without the shop is published", func(t *testing.T) {
		t.Parallel()
		for state, reason := range map[provider.State]FailureReason{provider.Voided: ReasonVoided, provider.Expired: ReasonExpired, provider.Declined: ReasonDeclined} {
			o := f.mustOpen(t)
			id := f.paymentOf(t, o).ID
			f.bank.change(id, func(p *provider.Payment) { p.State = state })
			f.mustCall(t, o.id.String(), "payment_intent.canceled", id)
			if got := published[FailedEvent](t, f, "payment-failed", o); len(got) != 1 || got[0].Reason != reason || got[0].PaymentID != id {
				t.Errorf("%s: payment-failed is %+v", state, got)
			}
		}
	})
}

// TestCancelAtOnce cancels payments that are captured at once while their callbacks arrive.
func TestCancelAtOnce(t *testing.T) {
	t.Parallel()
	f := open(t, config.Environment{"PAYMENT_CAPTURE": "at_once"})
	for range 10 {
		o := f.mustOpen(t)
		id, cancelled := f.paymentOf(t, o).ID, f.newEvent(t, "order-cancelled", o)
		f.bank.pay(id)
		var all sync.WaitGroup
		all.Go(func() { f.mustCall(t, o.id.String(), "payment_intent.succeeded", id) })
		all.Go(func() { f.Deliver(t, "payment-void", cancelled) })
		all.Wait()
		f.Deliver(t, "payment-void", cancelled).MustBe(t, http.StatusNoContent)
		if atBank := f.paymentOf(t, o); atBank.State != provider.Refunded || f.mustGet(t, o).Status != Refunded {
			t.Fatalf("stored is %+v, the bank has %+v", f.mustGet(t, o), atBank)
		}
	}
}
