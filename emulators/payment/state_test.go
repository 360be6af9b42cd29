package payment

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// waitBy returns a wait that moves a clock.
func waitBy(clock *simulated) func(context.Context, time.Duration) error {
	return func(ctx context.Context, d time.Duration) error {
		clock.forward(d)
		return ctx.Err()
	}
}

// walk is a random sequence of operations on one payment.
type walk struct {
	*fixture
	random *rand.Rand
	path   string
}

// step does one operation, which the payment's state may refuse.
func (w walk) step() {
	id := strings.TrimPrefix(w.path, "/v1/payments/")
	amount := fmt.Sprintf(`{"amount": %d}`, 1+w.random.IntN(4000))
	operation := w.random.IntN(12)
	if state := w.payments[w.index[id]].State; state == Captured || state == PartiallyRefunded {
		operation = 7 + w.random.IntN(4)
	} else if state == Disputed {
		operation = 10
	}
	switch operation {
	case 0, 1, 2:
		card := TestCards()[w.random.IntN(len(TestCards()))]
		_, _ = w.Pay(id, card.Number, []string{"", ChallengeApprove, ChallengeFail}[w.random.IntN(3)])
	case 3:
		w.mu.Lock()
		_, _ = w.challenge(w.payments[w.index[id]], w.random.IntN(2) == 0)
		w.mu.Unlock()
	case 4:
		w.post(w.path+"/capture", amount)
	case 5:
		w.post(w.path+"/capture", "")
	case 6:
		w.post(w.path+"/void", "")
	case 7:
		w.post(w.path+"/refunds", "")
	case 8:
		w.post(w.path+"/refunds", amount)
	case 9:
		_, _ = w.Dispute(id, DisputeOpened)
	case 10:
		_, _ = w.Dispute(id, []string{DisputeWon, DisputeLost}[w.random.IntN(2)])
	case 11:
		w.clock.forward([]time.Duration{time.Second, time.Minute, paymentLifetime, authorizationLifetime}[w.random.IntN(4)])
	}
}

// TestTransitions takes random walks and requires that they make exactly the transitions of the
// table, and that the amounts of each payment and the books are right after each step.
func TestTransitions(t *testing.T) {
	t.Parallel()
	const walks, steps = 600, 8
	f := open(t, func(o *Options) { o.MaxAttempts = 2 })
	f.t = t
	random := rand.New(rand.NewPCG(1, 2))
	for range walks {
		w := walk{f, random, f.mustCreate([]Capture{Automatic, Manual}[random.IntN(2)])}
		for range steps {
			w.step()
			requireAmounts(t, f.payments[w.index[strings.TrimPrefix(w.path, "/v1/payments/")]].Payment)
		}
	}
	f.clock.forward(2 * authorizationLifetime)
	requireBooks(t, f)

	seen := map[State][]State{}
	last := map[string]State{}
	for _, e := range f.events {
		before := last[e.payment.ID]
		if before == "" {
			before = RequiresPayment
		}
		last[e.payment.ID] = e.payment.State
		if !slices.Contains(seen[before], e.payment.State) {
			seen[before] = append(seen[before], e.payment.State)
		}
	}
	want := map[State][]State{}
	for state, next := range transitions {
		if len(next) > 0 {
			want[state] = slices.Sorted(slices.Values(next))
			slices.Sort(seen[state])
		}
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("transitions (-table +seen):\n%s", diff)
	}
}

// requireAmounts requires that a payment's amounts and refunds agree with its state.
func requireAmounts(t *testing.T, p Payment) {
	t.Helper()
	sum := int64(0)
	for _, refund := range p.Refunds {
		sum += refund.Amount
	}
	if sum != p.RefundedAmount || p.RefundedAmount > p.CapturedAmount || p.CapturedAmount > p.Amount {
		t.Fatalf("refunds of %d, refunded %d, captured %d, amount %d", sum, p.RefundedAmount, p.CapturedAmount, p.Amount)
	}
	if (p.State == Refunded) != (p.CapturedAmount > 0 && p.RefundedAmount == p.CapturedAmount) {
		t.Fatalf("state %s with captured %d, refunded %d", p.State, p.CapturedAmount, p.RefundedAmount)
	}
	if isCaptured := slices.Contains([]State{Captured, PartiallyRefunded, Refunded, Disputed}, p.State); isCaptured != (p.CapturedAmount > 0) {
		t.Fatalf("state %s with captured %d", p.State, p.CapturedAmount)
	}
}

// requireBooks requires that the books are the sums of all payments.
func requireBooks(t *testing.T, f *fixture) {
	t.Helper()
	want := Totals{Currency: "EUR"}
	token := ""
	for {
		page := f.must(http.StatusOK, http.MethodGet, "/v1/payments?pageSize=100"+token, "", "")
		for _, p := range page.Items {
			want.Captured += p.CapturedAmount
			want.Refunded += p.RefundedAmount
		}
		next := nextToken(t, page.body)
		if next == "" {
			break
		}
		token = "&pageToken=" + next
	}
	want.Balance = want.Captured - want.Refunded
	if diff := cmp.Diff([]Totals{want}, f.Books()); diff != "" || want.Captured == 0 {
		t.Errorf("books (-payments +books):\n%s", diff)
	}
}

// TestTable requires that the table has every state, that all are reachable, and that no state
// after a capture leads back before it.
func TestTable(t *testing.T) {
	t.Parallel()
	reached := map[State]bool{RequiresPayment: true}
	for range transitions {
		for state := range reached {
			for _, next := range transitions[state] {
				reached[next] = true
				if _, known := transitions[next]; !known {
					t.Errorf("%s follows %s and is not in the table", next, state)
				}
			}
		}
	}
	if len(reached) != len(transitions) {
		t.Errorf("%d of %d states are reachable", len(reached), len(transitions))
	}
	for _, state := range []State{Captured, PartiallyRefunded, Disputed} {
		for _, next := range []State{RequiresPayment, RequiresAction, Authorized, Processing, Voided, Declined, Expired} {
			if state.allows(next) {
				t.Errorf("%s may follow %s: the captured money is lost", next, state)
			}
		}
	}
	for _, state := range []State{Refunded, Voided, Declined, Expired} {
		if !state.Final() {
			t.Errorf("%s is not final", state)
		}
	}
}

// TestChangeRefusesOtherTransitions plants every transition that the table lacks.
func TestChangeRefusesOtherTransitions(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	path := f.mustCreate(Manual)
	e := f.payments[f.index[strings.TrimPrefix(path, "/v1/payments/")]]
	for state := range transitions {
		for next := range transitions {
			if state.allows(next) {
				continue
			}
			old, changed := *e, *e
			old.State, changed.State = state, next
			if _, err := f.change(&old, changed, nil); err == nil {
				t.Errorf("%s after %s is accepted", next, state)
			}
		}
	}
}
