package payment

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
)

// requireLines requires how often a mismatch of an order was logged, with the fields that metrics
// and runbooks read.
func requireLines(t *testing.T, m mismatch, o order, state State, want int) {
	t.Helper()
	entries := logs.Entries(t, m, "order", o.id.String())
	if len(entries) != want {
		t.Errorf("%q was logged %d times, want %d: %v", m, len(entries), want, entries)
	}
	for _, e := range entries {
		if e["severity"] != "ERROR" || e["state"] != string(state) || e["seconds"] == nil {
			t.Errorf("got %v", e)
		}
	}
}

// TestPaidNotConfirmed reports a payment whose order is not confirmed once in each interval, until
// the order is confirmed, shipped or cancelled.
func TestPaidNotConfirmed(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"order-confirmed", "order-shipped", "order-cancelled"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			f := open(t, nil)
			o, confirmed := f.mustPay(t), f.mustPay(t)
			f.deliver(t, "order-confirmed", confirmed).MustBe(t, http.StatusNoContent)
			f.mustOpen(t)
			f.mustReconcile(t, matchAfter-time.Minute)
			requireLines(t, paidUnconfirmed, o, Authorized, 0)
			f.advance(time.Minute)
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() { f.mustRun(t, "payment-reconcile") })
			}
			all.Wait()
			requireLines(t, paidUnconfirmed, o, Authorized, 1)
			f.mustReconcile(t, matchInterval-time.Minute)
			requireLines(t, paidUnconfirmed, o, Authorized, 1)
			f.mustReconcile(t, time.Minute)
			requireLines(t, paidUnconfirmed, o, Authorized, 2)
			f.deliver(t, end, o).MustBe(t, http.StatusNoContent)
			f.mustReconcile(t, matchInterval)
			f.mustReconcile(t, matchInterval)
			requireLines(t, paidUnconfirmed, o, Authorized, 2)
			requireLines(t, paidUnconfirmed, confirmed, Authorized, 0)
		})
	}
}

// TestConfirmedNotPaid reports an order that is confirmed without a payment, or whose payment was
// voided at the provider while its cancellation is lost.
func TestConfirmedNotPaid(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	early, never, lost, unknown := f.mustOpen(t), f.mustOpen(t), f.mustPay(t), f.newOrder(t)
	for _, o := range []order{early, never, lost, unknown} {
		e := f.newEvent(t, "order-confirmed", o)
		for range 2 { // the second time, it is in the inbox
			f.Deliver(t, "payment-match", e).MustBe(t, http.StatusNoContent)
		}
	}
	requireLines(t, confirmedUnpaid, unknown, "missing", 1)
	f.bank.pay(f.paymentOf(t, early).ID)
	f.mustCall(t, uuid.NewString(), "payment_intent.changed", f.paymentOf(t, early).ID)
	f.mustReconcile(t, matchAfter)
	f.mustReconcile(t, 0)
	requireLines(t, confirmedUnpaid, early, "", 0)
	requireLines(t, confirmedUnpaid, never, Requested, 1)
	requireLines(t, confirmedUnpaid, lost, "", 0)

	id := f.paymentOf(t, lost).ID
	f.bank.change(id, func(p *provider.Payment) { p.State = provider.Voided })
	f.mustCall(t, uuid.NewString(), "payment_intent.canceled", id)
	f.mustReconcile(t, matchAfter)
	f.mustReconcile(t, matchInterval)
	requireLines(t, confirmedUnpaid, lost, Voided, 2)
	requireLines(t, confirmedUnpaid, unknown, "missing", 1)
	f.deliver(t, "order-cancelled", lost).MustBe(t, http.StatusNoContent)
	f.mustReconcile(t, matchInterval)
	requireLines(t, confirmedUnpaid, lost, Voided, 2)
}

// TestPaymentsFromBefore reports no payment that was made before this service knew of
// confirmations, whatever changes about it.
func TestPaymentsFromBefore(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.mustPay(t)
	if _, err := f.DB.ExecContext(t.Context(), `UPDATE payment SET match_at = NULL WHERE order_id = ?`, o.id[:]); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		f.advance(pollAuthorized) // the tokens of deliveries expire
		if err := f.service.reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	requireLines(t, paidUnconfirmed, o, Authorized, 0)
}

// TestMatchOfOtherOrders ignores orders without payment, whose events a filter may let through.
func TestMatchOfOtherOrders(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.newOrder(t)
	e := f.newEvent(t, "order-confirmed", o)
	e.Payload = []byte(`{"orderId":"` + o.id.String() + `","userId":"` + o.owner.UserID.String() + `","items":[],"total":{"amount":1,"currency":"EUR"}}`)
	f.Deliver(t, "payment-match", e).MustBe(t, http.StatusNoContent)
	requireLines(t, confirmedUnpaid, o, "missing", 0)
}

// TestAuthorizedAt publishes when the provider reported an authorization, and logs each callback
// that is applied once.
func TestAuthorizedAt(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.mustOpen(t)
	id := f.paymentOf(t, o).ID
	reportedAt := f.now()
	f.bank.fail = failTimes("get", false, 1, errTemporary)
	f.bank.pay(id)
	f.mustCall(t, "first of "+id, "payment_intent.changed", id) // it cannot read the payment
	requireApplied := func(want int) {
		t.Helper()
		entries := logs.Entries(t, "payment callback applied", "order", o.id.String())
		if len(entries) != want {
			t.Fatalf("got %v, want %d entries", entries, want)
		}
		for _, e := range entries {
			if e["severity"] != "INFO" || e["callback"] == nil || e["type"] != "payment_intent.changed" || e["seconds"] == nil {
				t.Errorf("got %v", e)
			}
		}
	}
	requireApplied(0)
	f.mustReconcile(t, 2*pollFailed)
	for range 2 {
		f.mustCall(t, "second of "+id, "payment_intent.changed", id)
	}
	requireApplied(1)
	authorized := published[AuthorizedEvent](t, f, "payment-authorized", o)
	if len(authorized) != 1 || authorized[0].AuthorizedAt.Sub(reportedAt).Abs() > pollFailed || f.now().Sub(authorized[0].AuthorizedAt) < pollFailed {
		t.Errorf("got %+v, want the time of the first callback, %s", authorized, reportedAt)
	}
}
