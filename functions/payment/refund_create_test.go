package payment

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/function/functiontest"
)

func (f *fixture) refund(t *testing.T, o order, body map[string]any) functiontest.Response {
	t.Helper()
	return f.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + o.id.String() + "/refunds", Token: f.Tokens.Admin(t), Body: body})
}

// mustRefund requests a refund and returns it as it is after the request.
func (f *fixture) mustRefund(t *testing.T, o order, body map[string]any) Refund {
	t.Helper()
	var requested Refund
	f.refund(t, o, body).MustBe(t, http.StatusCreated).Into(t, &requested)
	if requested.Status != RefundRequested || requested.CompletedAt != nil {
		t.Errorf("the response is %+v", requested)
	}
	for _, r := range f.mustGet(t, o).Refunds {
		if r.ID == requested.ID {
			return r
		}
	}
	t.Fatalf("refund %s is not in the payment", requested.ID)
	return Refund{}
}

func TestRefundCreate(t *testing.T) {
	t.Parallel()
	f := open(t, nil)

	t.Run("lines are refunded with what was paid for them, and published", func(t *testing.T) {
		t.Parallel()
		o := f.mustCapture(t)
		pot, tea := f.mustDraft(t, o)
		line := func(id uuid.UUID, quantity int) []any {
			return []any{map[string]any{"productId": id, "quantity": quantity}}
		}
		first := f.mustRefund(t, o, map[string]any{"lines": line(tea, 1), "restock": true, "reason": "broken"})
		second := f.mustRefund(t, o, map[string]any{"lines": line(tea, 2), "shipping": true})
		if first.Status != RefundSucceeded || first.Amount.Amount != 540 || second.Amount.Amount != 1079+490 || first.CompletedAt == nil {
			t.Errorf("got %+v, then %+v", first, second)
		}
		f.refund(t, o, map[string]any{"lines": line(tea, 1)}).MustBeProblem(t, http.StatusConflict, "quantity_not_refundable")
		f.refund(t, o, map[string]any{"lines": line(uuid.New(), 1)}).MustBeProblem(t, http.StatusConflict, "line_not_ordered")
		f.refund(t, o, map[string]any{"amount": euros(3319)}).MustBeProblem(t, http.StatusConflict, "refund_exceeds_payment")
		f.mustRefund(t, o, map[string]any{"lines": line(pot, 1)})
		events := published[RefundedEvent](t, f, "payment-refunded", o)
		if len(events) != 3 || events[0].RefundID != first.ID || events[1].Refunded.Amount != 540+1079+490 || events[2].Refunded.Amount != total ||
			len(events[0].Lines) != 1 || events[0].Lines[0] != (RefundedLine{ProductID: tea, Quantity: 1, Restock: true}) || len(events[1].Lines) != 1 {
			t.Errorf("payment-refunded is %+v", events)
		}
		if p := f.mustGet(t, o); p.Status != Refunded || len(p.Refunds) != 3 || f.paymentOf(t, o).Refunded != total {
			t.Errorf("got %+v", p)
		}
	})

	t.Run("an order without a quote is refunded by amount", func(t *testing.T) {
		t.Parallel()
		o := f.mustCapture(t)
		f.refund(t, o, map[string]any{"shipping": true}).MustBeProblem(t, http.StatusConflict, "order_without_quote")
		f.refund(t, o, map[string]any{"amount": map[string]any{"amount": 1, "currency": "USD"}}).MustBeProblem(t, http.StatusConflict, "currency_differs")
		if r := f.mustRefund(t, o, map[string]any{"amount": euros(total)}); r.Status != RefundSucceeded {
			t.Errorf("got %+v", r)
		}
		f.refund(t, o, map[string]any{"amount": euros(1)}).MustBeProblem(t, http.StatusConflict, "payment_not_refundable")
	})

	t.Run("a payment that is not captured is not refunded", func(t *testing.T) {
		t.Parallel()
		f.refund(t, f.newOrder(t), map[string]any{"amount": euros(1)}).MustBeProblem(t, http.StatusNotFound, "payment_not_found")
		f.refund(t, f.mustPay(t), map[string]any{"amount": euros(1)}).MustBeProblem(t, http.StatusConflict, "payment_not_refundable")
	})

	t.Run("a part that was refunded at the provider is not refunded again", func(t *testing.T) {
		t.Parallel()
		o := f.mustCapture(t)
		pot, _ := f.mustDraft(t, o)
		f.bank.change(f.paymentOf(t, o).ID, func(p *provider.Payment) { p.State, p.Refunded = provider.PartiallyRefunded, 5000 })
		f.mustCall(t, o.id.String(), "charge.refunded", f.paymentOf(t, o).ID)
		f.refund(t, o, map[string]any{"amount": euros(428)}).MustBeProblem(t, http.StatusConflict, "refund_exceeds_payment")
		r := f.mustRefund(t, o, map[string]any{"lines": []any{map[string]any{"productId": pot, "quantity": 1}}})
		if r.Amount.Amount > total-5000 || r.Status != RefundSucceeded {
			t.Errorf("got %+v", r)
		}
	})
}

// TestRefundRefused lets the provider refuse a refund for good.
func TestRefundRefused(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.mustCapture(t)
	f.bank.fail = failTimes("refund", false, 1, &provider.Error{Class: provider.ClassDeclined, Operation: "refund", Code: "insufficient_balance"})
	if r := f.mustRefund(t, o, map[string]any{"amount": euros(1000)}); r.Status != RefundFailed || r.Failure != "insufficient_balance" {
		t.Errorf("got %+v", r)
	}
	f.requireEvents(t, o, map[string]int{"payment-authorized": 1, "payment-captured": 1})
	if r := f.mustRefund(t, o, map[string]any{"amount": euros(total)}); r.Status != RefundSucceeded {
		t.Errorf("all can still be refunded: got %+v", r)
	}
}

// TestRefundLater lets the provider not respond: the refund is reserved, and made later.
func TestRefundLater(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.mustCapture(t)
	f.bank.fail = failTimes("refund", true, 1, errUnknown)
	if r := f.mustRefund(t, o, map[string]any{"amount": euros(5000)}); r.Status != RefundRequested {
		t.Errorf("got %+v", r)
	}
	f.refund(t, o, map[string]any{"amount": euros(428)}).MustBeProblem(t, http.StatusConflict, "refund_exceeds_payment")
	f.mustReconcile(t, minBackoff)
	if p := f.mustGet(t, o); p.Refunds[0].Status != RefundSucceeded || f.paymentOf(t, o).Refunded != 5000 || f.bank.requests["refund"] != 1 {
		t.Errorf("got %+v after %d requests", p, f.bank.requests["refund"])
	}
	f.requireEvents(t, o, map[string]int{"payment-authorized": 1, "payment-captured": 1, "payment-refunded": 1})
}

// TestConcurrentRefunds requests 50 refunds at the same time, of which 27 are possible.
func TestConcurrentRefunds(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.mustCapture(t)
	var created, refused atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			switch f.refund(t, o, map[string]any{"amount": euros(200)}).Status {
			case http.StatusCreated:
				created.Add(1)
			case http.StatusConflict:
				refused.Add(1)
			}
		})
	}
	all.Wait()
	f.mustReconcile(t, claimTimeout)
	atBank, p := f.paymentOf(t, o), f.mustGet(t, o)
	if created.Load() != total/200 || refused.Load() != 50-total/200 || atBank.Refunded != total/200*200 || p.Refunded.Amount != atBank.Refunded {
		t.Errorf("%d refunds were created and %d refused; the bank has refunded %d, stored are %d", created.Load(), refused.Load(), atBank.Refunded, p.Refunded.Amount)
	}
	f.requireEvents(t, o, map[string]int{"payment-authorized": 1, "payment-captured": 1, "payment-refunded": total / 200})
}
