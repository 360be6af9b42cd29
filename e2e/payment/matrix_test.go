package payment_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/emulators/payment"
	"souk/shared/function/functiontest"
)

// A fault is what goes wrong with one operation of the provider. operation is its name at the
// provider, or in the path for a declined one.
type fault struct {
	name   string
	inject func(w *world, operation string)
	// ticks is within how many runs of payment-reconcile the case must end.
	ticks int
}

// requestFaults are the faults of a request and of the process that sends it.
func requestFaults() []fault {
	var faults []fault
	for _, kind := range []payment.Kind{payment.TimeoutBefore, payment.TimeoutAfter, payment.ErrorBefore, payment.ErrorAfter, payment.CallbackFirst} {
		for _, count := range []int{1, 4} {
			faults = append(faults, fault{fmt.Sprintf("%s %d times", kind, count), func(w *world, operation string) {
				w.mustInject(payment.Fault{Operation: operation, Kind: kind, Count: count})
			}, 2 * count})
		}
	}
	for _, point := range []string{"before", "after"} {
		faults = append(faults, fault{"crash " + point + " the request", func(w *world, operation string) {
			set(&w.adapter.mu, &w.adapter.crashes, operation+" "+point)
		}, 2})
	}
	return append(faults,
		fault{"none", func(*world, string) {}, 1},
		fault{"crash after the commit", func(w *world, _ string) { w.crashAfterCommit = true }, 2},
		fault{"declined", func(w *world, operation string) { set(&w.adapter.mu, &w.adapter.declines, paths[operation]) }, 3},
	)
}

// paths has the ends of the paths of operations.
var paths = map[string]string{"create": "payments", "capture": "capture", "void": "void", "refund": "refunds"}

// callbackFaults are the faults of the callbacks that follow from an operation.
func callbackFaults() []fault {
	var faults []fault
	for _, kind := range []payment.Kind{payment.Duplicate, payment.Reorder, payment.Lose, payment.Delay} {
		faults = append(faults, fault{"callback " + string(kind), func(w *world, _ string) {
			w.mustInject(payment.Fault{Operation: payment.OperationCallback, Kind: kind, Count: 2})
		}, 2})
	}
	return faults
}

func (w *world) mustInject(f payment.Fault) {
	w.Helper()
	if err := w.provider.Inject(f); err != nil {
		w.Fatal(err)
	}
}

// A scenario is the course of an order with a fault at one point.
type scenario struct {
	name string
	// operation is the one with the fault.
	operation string
	options   options
	run       func(w *world, f fault)
	want      want
}

// want is what must be true at the end.
type want struct {
	state              string
	captured, refunded int64
	authorized         int // events
}

func scenarios() []scenario {
	atOnce := options{capture: "at_once"}
	return []scenario{
		{"authorize", "create", options{}, (*world).authorize, want{"authorized", 0, 0, 1}},
		{"authorize and capture at once", "create", atOnce, (*world).authorize, want{"captured", total, 0, 1}},
		{"capture", "capture", options{}, (*world).shipped, want{"captured", total, 0, 1}},
		{"void before the payment", "void", options{}, (*world).cancelUnpaid, want{"voided", 0, 0, 0}},
		{"void after the authorization", "void", options{}, (*world).cancelPaid, want{"voided", 0, 0, 1}},
		{"cancel after the capture", "refund", atOnce, (*world).cancelPaid, want{"refunded", total, total, 1}},
		{"cancel while it is created", "create", options{}, (*world).cancelEarly, want{"voided", 0, 0, 0}},
		{"cancel a capture that is not known", "get", atOnce, (*world).cancelUnknown, want{"refunded", total, total, 0}},
		{"refund a part", "refund", options{}, (*world).refundPart, want{"partially_refunded", total, refundPart, 1}},
	}
}

const refundPart = 1234

// TestFaultMatrix runs each scenario with each fault, and checks the provider's books.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	type testCase struct {
		scenario
		fault
	}
	var cases []testCase
	for _, s := range scenarios() {
		for _, unversioned := range []bool{false, true} {
			s.options.unversioned = unversioned
			for _, f := range append(requestFaults(), callbackFaults()...) {
				cases = append(cases, testCase{s, f})
			}
		}
	}
	const workers = 4
	for n := range workers {
		t.Run(fmt.Sprint("part ", n), func(t *testing.T) {
			t.Parallel()
			base := newWorld(t, nil, options{}).server
			for i := n; i < len(cases); i += workers {
				c := cases[i]
				t.Run(fmt.Sprintf("%s, %s, unversioned %t", c.scenario.name, c.fault.name, c.options.unversioned), func(t *testing.T) {
					mustClear(t, base)
					w := newWorld(t, base, c.options)
					c.run(w, c.fault)
					w.checkBooks(c.scenario, c.fault)
				})
			}
		})
	}
}

// mustClear deletes the rows of the case before.
func mustClear(t *testing.T, s *functiontest.Server) {
	t.Helper()
	for _, table := range []string{"payment", "operation", "refund", "callback", "reconciliation", "outbox", "inbox"} {
		if _, err := s.DB.ExecContext(t.Context(), "DELETE FROM "+table); err != nil {
			t.Fatal(err)
		}
	}
}

// request creates the payment.
func (w *world) request(ticks int) {
	w.Helper()
	w.deliver("payment-request", "stock-reserved")
	w.mustReach("a payment", ticks, func() bool { return w.stored().State == "declined" || len(w.payments()) > 0 && w.stored().Pending == 0 })
}

// pay pays the payment, unless its creation was declined.
func (w *world) pay(ticks int) {
	w.Helper()
	if w.stored().State == "declined" {
		return
	}
	w.mustPay(payment.CardApproved)
	w.mustReach("an authorization", ticks, func() bool { return w.stored().State == "authorized" || w.stored().Captured > 0 })
}

func (w *world) authorize(f fault) {
	f.inject(w, "create")
	w.crashing(func() { w.request(f.ticks) })
	w.pay(f.ticks)
}

func (w *world) shipped(f fault) {
	w.request(1)
	w.pay(1)
	f.inject(w, "capture")
	w.crashing(func() { w.deliver("payment-capture", "order-shipped") })
	w.mustReach("a capture", f.ticks, func() bool { return w.stored().Captured == total && w.stored().Pending == 0 })
}

func (w *world) cancelUnpaid(f fault) {
	w.request(1)
	f.inject(w, "void")
	w.cancel(f)
}

func (w *world) cancelPaid(f fault) {
	w.request(1)
	w.pay(1)
	f.inject(w, map[bool]string{true: "refund", false: "void"}[w.stored().Captured > 0])
	w.cancel(f)
}

// cancelEarly cancels the order while the creation of the payment fails.
func (w *world) cancelEarly(f fault) {
	f.inject(w, "create")
	w.crashing(func() { w.deliver("payment-request", "stock-reserved") })
	w.cancel(f)
}

// cancelUnknown cancels the order after a payment whose callbacks are lost: the provider refuses to
// void it, the payment is read, and refunded.
func (w *world) cancelUnknown(f fault) {
	w.request(1)
	w.mustInject(payment.Fault{Operation: payment.OperationCallback, Kind: payment.Lose})
	w.mustPay(payment.CardApproved)
	f.inject(w, "get")
	w.cancel(f)
}

func (w *world) cancel(f fault) {
	w.Helper()
	w.crashing(func() { w.deliver("payment-void", "order-cancelled") })
	w.mustReach("nothing of the customer's money", f.ticks, func() bool {
		stored := w.stored()
		for _, p := range w.payments() {
			if !p.State.Final() {
				return false
			}
		}
		return stored.Pending == 0 && (stored.State == "voided" || stored.State == "refunded" || stored.State == "declined")
	})
}

// refundPart refunds a part twice with the same key: the client repeats a request without a
// response.
func (w *world) refundPart(f fault) {
	w.request(1)
	w.pay(1)
	w.deliver("payment-capture", "order-shipped")
	w.mustReach("a capture", 1, func() bool { return w.stored().Captured == total })
	f.inject(w, "refund")
	request := functiontest.Request{
		Method: http.MethodPost, Path: "/v1/orders/" + w.order.String() + "/refunds", Token: w.server.Tokens.Admin(w),
		Header: map[string]string{"Idempotency-Key": uuid.NewString()},
		Body:   map[string]any{"amount": map[string]any{"amount": refundPart, "currency": "EUR"}},
	}
	w.crashing(func() { w.server.Do(w, request) })
	w.server.Do(w, request).MustBe(w, http.StatusCreated)
	w.mustReach("a refund", f.ticks, func() bool { return w.stored().Pending == 0 })
}

// crashing runs a part during which the process dies after its commits, if it is to: its events are
// not published, and the messages that caused them are delivered again.
func (w *world) crashing(run func()) {
	if !w.crashAfterCommit {
		run()
		return
	}
	w.crashAfterCommit = false
	w.server.Published.FailWith(errCrash)
	run()
	w.server.Published.FailWith(nil)
	w.undelivered = append([]message{}, w.delivered...)
	w.redeliver()
}
