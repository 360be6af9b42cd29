package payment

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/money"
)

// TestCallbackDuringRequest has a callback arrive between the request of each step and the record of
// its outcome. Whatever the outcome, the payment stays as the callback has reported it, and goes on
// from there.
func TestCallbackDuringRequest(t *testing.T) {
	t.Parallel()
	outcomes := map[string]outcome{"nothing": {}}
	for _, class := range errorClasses[1:] {
		outcomes[string(class)] = outcome{err: &provider.Error{Class: class, Operation: "test"}}
	}
	for _, from := range []State{Requested, Authorized, Captured} {
		for name, begin := range stepsInState(from) {
			for _, cancelled := range []bool{false, true} {
				for _, to := range slices.Concat(transitions[from], []State{from}) {
					for class, out := range outcomes {
						if class == "nothing" && name != "find" { // only a search can find nothing
							continue
						}
						t.Run(fmt.Sprintf("%s/%s/%s/%s/cancelled=%v", from, name, to, class, cancelled), func(t *testing.T) {
							t.Parallel()
							a, st := begin(cancelled)
							requireReported(t, a, st, to, out)
						})
					}
				}
			}
		}
	}
}

// stepsInState returns the steps of a payment in a state, each with its payment.
func stepsInState(from State) map[string]func(cancelled bool) (*account, step) {
	now := time.Now()
	begin := func(kind stepKind, operation operationKind) func(bool) (*account, step) {
		return func(cancelled bool) (*account, step) {
			a := newAccount(newPayment(uuid.Must(uuid.NewV7()), uuid.New(), bankName, money.Money{Amount: total, Currency: "EUR"}, provider.Manual, now))
			if a.state = from; from != Requested {
				a.providerID, a.providerVersion, a.authorizedAt = "pi_1", 1, now
			}
			if from == Captured {
				a.captured = total
			}
			if cancelled {
				a.cancel(uuid.New(), cancelledOrder, now)
			}
			op := a.add(operation, uuid.New(), total, now)
			op.sentAt = now
			return a, step{kind: kind, payment: a.payment, operation: *op}
		}
	}
	switch from {
	case Requested:
		return map[string]func(bool) (*account, step){"find": begin(stepFind, opCreate), "create": begin(stepSend, opCreate)}
	case Authorized:
		return map[string]func(bool) (*account, step){"capture": begin(stepSend, opCapture), "void": begin(stepSend, opVoid)}
	default:
		return map[string]func(bool) (*account, step){"refund": begin(stepSend, opRefund)}
	}
}

// requireReported applies a report, then the outcome of a step that began before it.
func requireReported(t *testing.T, a *account, st step, to State, out outcome) {
	t.Helper()
	seen := provider.Payment{ID: "pi_1", Reference: a.orderID.String(), State: provider.State(to), Version: 5, Amount: a.amount}
	if to.isCaptured() {
		seen.Captured = total
	}
	if seen.Refunded = map[State]int64{PartiallyRefunded: 1, Refunded: total}[to]; !a.observe(context.Background(), seen, time.Now()) {
		t.Fatal("the report was refused")
	}
	events := a.news
	a.apply(context.Background(), st, out, time.Now())
	if a.state != to || a.providerID != "pi_1" {
		t.Errorf("the payment %q is %s, but was reported as pi_1, %s", a.providerID, a.state, to)
	}
	if len(a.news.failed) != len(events.failed) {
		t.Errorf("the outcome published %+v", a.news.failed)
	}
}

// TestCallbackDuringSearch interrupts the search for the payment of a cancelled order by a callback
// with the payment: the customer can pay it, so that it must be voided.
func TestCallbackDuringSearch(t *testing.T) {
	t.Parallel()
	a, st := stepsInState(Requested)["find"](true)
	requireReported(t, a, st, Authorized, outcome{})
	if kind, op := a.plan(false, time.Now()); kind != stepSend || op.kind != opVoid {
		t.Errorf("the next step is %s %+v, want to void the payment; the operations are %+v", kind, op, slices.Collect(maps.Keys(a.changed)))
	}
}
