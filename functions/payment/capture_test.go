package payment

import (
	"net/http"
	"sync"
	"testing"

	"souk/functions/payment/provider"
)

func TestCapture(t *testing.T) {
	t.Parallel()
	f := open(t, nil)

	t.Run("a shipped order is captured once", func(t *testing.T) {
		t.Parallel()
		o := f.mustPay(t)
		e := f.newEvent(t, "order-shipped", o)
		for range 2 {
			f.Deliver(t, "payment-capture", e).MustBe(t, http.StatusNoContent)
		}
		f.deliver(t, "order-shipped", o).MustBe(t, http.StatusNoContent)
		if p := f.mustGet(t, o); p.Status != Captured || p.Captured.Amount != total || f.paymentOf(t, o).Captured != total {
			t.Errorf("got %+v", p)
		}
		f.requireEvents(t, o, map[string]int{"payment-authorized": 1, "payment-captured": 1})
	})

	t.Run("the first shipment captures the whole authorization, and others nothing", func(t *testing.T) {
		t.Parallel()
		o := f.mustPay(t)
		for _, eventType := range []string{"shipment-created", "shipment-created", "order-shipped"} {
			f.deliver(t, eventType, o).MustBe(t, http.StatusNoContent)
			if p := f.paymentOf(t, o); p.Captured != total {
				t.Errorf("after %s the bank has captured %d", eventType, p.Captured)
			}
		}
		f.requireEvents(t, o, map[string]int{"payment-authorized": 1, "payment-captured": 1})
	})

	t.Run("an authorization that has expired is not captured, and the failure is published", func(t *testing.T) {
		t.Parallel()
		o := f.mustPay(t)
		f.bank.change(f.paymentOf(t, o).ID, func(p *provider.Payment) { p.State = provider.Expired })
		f.deliver(t, "order-shipped", o).MustBe(t, http.StatusNoContent)
		if got := published[FailedEvent](t, f, "payment-failed", o); len(got) != 1 || got[0].Reason != ReasonExpired || f.mustGet(t, o).Status != Expired {
			t.Errorf("payment-failed is %+v", got)
		}
	})

	t.Run("an order without a payment fails, so that the event is redelivered", func(t *testing.T) {
		t.Parallel()
		f.deliver(t, "order-shipped", f.newOrder(t)).MustBeProblem(t, http.StatusInternalServerError, "internal")
	})
}

// TestCancelAgainstCapture delivers the shipment and the cancellation of an order at the same time,
// with redeliveries. The money is with the customer at the end.
func TestCancelAgainstCapture(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	for range 10 {
		o := f.mustPay(t)
		shipped, cancelled := f.newEvent(t, "order-shipped", o), f.newEvent(t, "order-cancelled", o)
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() { f.Deliver(t, "payment-capture", shipped) })
			all.Go(func() { f.Deliver(t, "payment-void", cancelled) })
		}
		all.Wait()
		f.Deliver(t, "payment-capture", shipped).MustBe(t, http.StatusNoContent)
		f.Deliver(t, "payment-void", cancelled).MustBe(t, http.StatusNoContent)
		p, atBank := f.mustGet(t, o), f.paymentOf(t, o)
		if atBank.Captured != atBank.Refunded || p.Captured.Amount != atBank.Captured || p.Refunded.Amount != atBank.Refunded || string(p.Status) != string(atBank.State) || !p.Status.IsFinal() {
			t.Fatalf("stored is %+v, the bank has %+v", p, atBank)
		}
		captures := int(atBank.Captured / total)
		f.requireEvents(t, o, map[string]int{"payment-authorized": 1, "payment-captured": captures, "payment-refunded": captures})
	}
}
