package payment

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/config"
	"souk/shared/database"
)

func TestWebhook(t *testing.T) {
	t.Parallel()
	f := open(t, nil)

	t.Run("a callback that the provider has not signed is refused", func(t *testing.T) {
		t.Parallel()
		o := f.mustOpen(t)
		id := f.paymentOf(t, o).ID
		f.bank.pay(id)
		f.call(t, bankName, "another secret", map[string]string{"id": "forged", "payment": id}).MustBeProblem(t, http.StatusUnauthorized, codeInvalidSignature)
		f.call(t, bankName, "", nil).MustBeProblem(t, http.StatusUnauthorized, codeInvalidSignature)
		f.call(t, "stripe", bankSecret, map[string]string{"id": "1", "payment": id}).MustBeProblem(t, http.StatusNotFound, "provider_not_found")
		f.call(t, bankName, bankSecret, "text").MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		if p := f.mustGet(t, o); p.Status != Requested {
			t.Errorf("got %+v", p)
		}
	})

	t.Run("callbacks are applied once, however often and in which order they arrive", func(t *testing.T) {
		t.Parallel()
		o := f.mustOpen(t)
		id := f.paymentOf(t, o).ID
		f.bank.pay(id)
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() { f.mustCall(t, fmt.Sprintf("%s %d", o.id, i%4), "payment_intent.amount_capturable_updated", id) })
		}
		all.Wait()
		f.mustReconcile(t, 0) // if the last callback arrived while the payment was read
		if p := f.mustGet(t, o); p.Status != Authorized || p.NextAction != nil {
			t.Errorf("got %+v", p)
		}
		f.requireEvents(t, o, map[string]int{"payment-authorized": 1})
	})

	t.Run("callbacks about other payments, or none, are acknowledged", func(t *testing.T) {
		t.Parallel()
		f.mustCall(t, uuid.NewString(), "payment_intent.succeeded", "pi_of_another_system")
		f.mustCall(t, uuid.NewString(), "account.updated", "")
	})
}

// TestEarlyCallback sends a callback before the response that has the payment's id.
func TestEarlyCallback(t *testing.T) {
	t.Parallel()
	f := open(t, config.Environment{"PAYMENT_CAPTURE": "at_once"})
	o := f.newOrder(t)
	f.bank.fail = func(operation string, after bool) error {
		if operation == "create" && after {
			f.bank.fail = nil
			p := f.bank.payments[0]
			p.State, p.Captured = provider.Captured, p.Amount.Amount
			f.mustCall(t, "early", "payment_intent.succeeded", p.ID)
		}
		return nil
	}
	f.deliver(t, "stock-reserved", o).MustBe(t, http.StatusNoContent)
	if p := f.mustGet(t, o); p.Status != Captured {
		t.Errorf("got %+v", p)
	}
	f.requireEvents(t, o, map[string]int{"payment-authorized": 1, "payment-captured": 1})
	requireCallbacks := func(want int) {
		t.Helper()
		n, err := database.Get(t.Context(), f.DB, database.ScanColumn[int], `SELECT COUNT(*) FROM callback WHERE order_id = ?`, o.id[:])
		if err != nil || n != want {
			t.Errorf("%d callbacks of the order are stored, want %d: %v", n, want, err)
		}
	}
	requireCallbacks(1)
	f.advance(callbackRetention + claimTimeout)
	if err := f.service.pruneCallbacks(t.Context()); err != nil {
		t.Error(err)
	}
	requireCallbacks(0)
}

// TestDispute follows disputes to both ends, by callbacks that may skip states.
func TestDispute(t *testing.T) {
	t.Parallel()
	f := open(t, config.Environment{"PAYMENT_CAPTURE": "at_once"})
	report := func(o order, state provider.State, refunded int64) {
		id := f.paymentOf(t, o).ID
		f.bank.change(id, func(p *provider.Payment) { p.State, p.Refunded = state, refunded })
		f.mustCall(t, uuid.NewString(), "charge.dispute", id)
	}
	won, lost := f.mustPay(t), f.mustPay(t)
	for _, o := range []order{won, lost} {
		report(o, provider.Disputed, 0)
		f.refund(t, o, map[string]any{"amount": euros(1)}).MustBeProblem(t, http.StatusConflict, "payment_not_refundable")
	}
	report(won, provider.Captured, 0)
	report(lost, provider.Refunded, total)
	f.requireEvents(t, won, map[string]int{"payment-authorized": 1, "payment-captured": 1, "payment-disputed": 2})
	f.requireEvents(t, lost, map[string]int{"payment-authorized": 1, "payment-captured": 1, "payment-disputed": 2, "payment-refunded": 1})
	for o, want := range map[order]DisputeOutcome{won: DisputeWon, lost: DisputeLost} {
		events := published[DisputedEvent](t, f, "payment-disputed", o)
		if events[0].Outcome != DisputeOpened || events[1].Outcome != want || events[1].Amount.Amount != total {
			t.Errorf("payment-disputed is %+v", events)
		}
	}
	refunded := published[RefundedEvent](t, f, "payment-refunded", lost)[0]
	if refunded.Amount.Amount != total || refunded.Refunded.Amount != total || len(refunded.Lines) != 0 {
		t.Errorf("payment-refunded is %+v", refunded)
	}
	if p := f.mustGet(t, lost); p.Status != Refunded || len(p.Refunds) != 1 || p.Refunds[0].ID != refunded.RefundID {
		t.Errorf("got %+v", p)
	}
}
