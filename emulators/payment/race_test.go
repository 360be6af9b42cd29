package payment

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// concurrently posts n requests at the same time and returns how many had a 2xx response.
func (f *fixture) concurrently(n int, path, body string) int64 {
	var group sync.WaitGroup
	var succeeded atomic.Int64
	for range n {
		group.Go(func() {
			if f.post(path, body).status < http.StatusMultipleChoices {
				succeeded.Add(1)
			}
		})
	}
	group.Wait()
	return succeeded.Load()
}

// TestConcurrentRefunds requires that refunds are never more than what was captured, in whatever
// order they come.
func TestConcurrentRefunds(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	path := f.mustPay(Automatic, CardApproved)
	if n := f.concurrently(40, path+"/refunds", `{"amount": 700}`); n != 14 {
		t.Errorf("%d refunds of 7.00 of 100.00 succeeded, want 14", n)
	}
	p := f.mustGet(path)
	requireAmounts(t, p)
	if p.RefundedAmount != 9800 || p.State != PartiallyRefunded {
		t.Errorf("refunded %d, state %s", p.RefundedAmount, p.State)
	}
	if n := f.concurrently(10, path+"/refunds", ""); n != 1 {
		t.Errorf("%d refunds of all succeeded, want 1", n)
	}
	if p = f.mustGet(path); p.State != Refunded || f.Books()[0].Balance != 0 {
		t.Errorf("state %s, books %+v", p.State, f.Books())
	}
}

// TestConcurrentCaptureAndVoid requires that exactly one of many captures and voids succeeds.
func TestConcurrentCaptureAndVoid(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	for range 20 {
		path := f.mustPay(Manual, CardApproved)
		var group sync.WaitGroup
		var captures, voids int64
		group.Go(func() { captures = f.concurrently(5, path+"/capture", `{"amount": 6000}`) })
		group.Go(func() { voids = f.concurrently(5, path+"/void", "") })
		group.Wait()
		p := f.mustGet(path)
		if captures+voids != 1 || (p.State == Captured) != (captures == 1) || p.CapturedAmount != 6000*captures {
			t.Errorf("%d captures and %d voids succeeded: state %s, captured %d", captures, voids, p.State, p.CapturedAmount)
		}
	}
}

// TestAmounts requires that amounts are within what is possible.
func TestAmounts(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	path := f.mustPay(Manual, CardApproved)
	requireProblem(t, f.post(path+"/capture", `{"amount": 10001}`), 409, "amount_exceeded")
	requireProblem(t, f.post(path+"/capture", `{"amount": 0}`), 400, "invalid_request")
	requireProblem(t, f.post(path+"/refunds", ""), 409, "payment_state")
	f.must(http.StatusOK, http.MethodPost, path+"/capture", f.key(), `{"amount": 6000}`)
	requireProblem(t, f.post(path+"/capture", `{"amount": 4000}`), 409, "payment_state")
	requireProblem(t, f.post(path+"/void", ""), 409, "payment_state")
	requireProblem(t, f.post(path+"/refunds", `{"amount": 6001}`), 409, "amount_exceeded")
	requireProblem(t, f.post(path+"/refunds", `{"amount": -1}`), 400, "invalid_request")
	f.must(http.StatusCreated, http.MethodPost, path+"/refunds", f.key(), `{"amount": 5999}`)
	f.must(http.StatusCreated, http.MethodPost, path+"/refunds", f.key(), `{"amount": 1}`)
	requireProblem(t, f.post(path+"/refunds", `{"amount": 1}`), 409, "payment_state")
}

// TestBounds requires that payments, keys, refunds, faults and bodies are bounded.
func TestBounds(t *testing.T) {
	t.Parallel()
	f := open(t, func(o *Options) { o.MaxPayments, o.MaxKeys = 2, 3+maxRefunds })
	path := f.mustPay(Automatic, CardApproved)
	f.mustCreate(Manual)
	requireProblem(t, f.post("/v1/payments", newPayment(Manual)), http.StatusInsufficientStorage, "payments_full")
	for range maxRefunds {
		f.must(http.StatusCreated, http.MethodPost, path+"/refunds", f.key(), `{"amount": 1}`)
	}
	requireProblem(t, f.post(path+"/refunds", `{"amount": 1}`), 409, "too_many_refunds")
	path = "/v1/payments/" + f.payments[1].ID
	f.must(http.StatusOK, http.MethodPost, path+"/void", f.key(), "")
	requireProblem(t, f.post(path+"/void", ""), http.StatusInsufficientStorage, "idempotency_keys_full")
	f.clock.forward(keyLifetime)
	requireProblem(t, f.post(path+"/void", ""), 409, "payment_state")
	requireProblem(t, f.post(path+"/capture", `{"amount":`+string(make([]byte, maxBody))+`}`), http.StatusRequestEntityTooLarge, "body_too_large")
	for range maxFaults {
		if err := f.Inject(Fault{Operation: OperationGet, Kind: ErrorBefore}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Inject(Fault{Operation: OperationGet, Kind: ErrorBefore}); err == nil {
		t.Error("faults are not bounded")
	}
}

// TestExpiry requires that unpaid payments and authorizations expire.
func TestExpiry(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	unpaid, challenged, authorized := f.mustCreate(Manual), f.mustPay(Manual, CardChallenge), f.mustPay(Manual, CardApproved)
	f.clock.forward(paymentLifetime - 1)
	for path, want := range map[string]State{unpaid: RequiresPayment, challenged: RequiresAction, authorized: Authorized} {
		if p := f.mustGet(path); p.State != want {
			t.Errorf("state %s, want %s", p.State, want)
		}
	}
	f.clock.forward(1)
	for path, want := range map[string]State{unpaid: Expired, challenged: Expired, authorized: Authorized} {
		if p := f.mustGet(path); p.State != want {
			t.Errorf("state %s, want %s", p.State, want)
		}
	}
	f.clock.forward(authorizationLifetime)
	if p := f.mustGet(authorized); p.State != Expired || p.ExpiresAt != nil {
		t.Errorf("state %s, expires at %v", p.State, p.ExpiresAt)
	}
	requireProblem(t, f.post(authorized+"/capture", ""), 409, "payment_state")
}

// TestLateCapture requires that a late capture is processing until it takes effect.
func TestLateCapture(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	automatic, manual := f.mustPay(Automatic, CardLate), f.mustPay(Manual, CardLate)
	if p := f.must(http.StatusOK, http.MethodPost, manual+"/capture", f.key(), `{"amount": 4000}`); p.State != Processing || p.CapturedAmount != 0 {
		t.Errorf("state %s, captured %d", p.State, p.CapturedAmount)
	}
	requireProblem(t, f.post(manual+"/void", ""), 409, "payment_state")
	if books := f.Books(); len(books) != 0 {
		t.Errorf("books %+v", books)
	}
	f.clock.forward(defaultLate)
	for path, want := range map[string]int64{automatic: 10000, manual: 4000} {
		if p := f.mustGet(path); p.State != Captured || p.CapturedAmount != want {
			t.Errorf("state %s, captured %d, want %d", p.State, p.CapturedAmount, want)
		}
	}
}

// TestDoubleSubmit pays while the form of the same payment is on its way: the card is charged once,
// and the customer returns to the shop.
func TestDoubleSubmit(t *testing.T) {
	t.Parallel()
	var f *fixture
	f = open(t, func(o *Options) {
		o.Faults = []Fault{{Operation: OperationPay, Kind: Slow}}
		o.Wait = func(context.Context, time.Duration) error {
			_, err := f.Pay(f.payments[0].ID, CardApproved, "")
			return err
		}
	})
	c := f.newCustomer(Automatic)
	c.mustGo(c.page, card(CardApprovedOther), c.returned())
	if p := f.mustGet(c.path); p.Version != 2 || p.CapturedAmount != 10000 {
		t.Errorf("version %d, captured %d", p.Version, p.CapturedAmount)
	}
}
