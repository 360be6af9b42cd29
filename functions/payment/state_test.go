package payment

import (
	"testing"

	"souk/functions/payment/provider"
)

func TestTransitions(t *testing.T) {
	t.Parallel()
	order := map[State]int{Requested: 0, RequiresAction: 0, Processing: 0, Authorized: 1, Captured: 2, PartiallyRefunded: 3, Refunded: 4}
	for _, from := range states {
		for _, to := range states {
			if from == to {
				continue
			}
			want := false
			switch rankFrom, orderedFrom := order[from]; {
			case from == Disputed:
				want = to == Captured || to == PartiallyRefunded || to == Refunded
			case !orderedFrom || from == Refunded: // final
			case to == Disputed:
				want = true
			case to.isUnpaid():
				want = to == Declined && rankFrom == 0 || to != Declined && rankFrom <= 1
			default:
				// Amounts only grow. A capture may take effect later.
				want = order[to] > rankFrom || rankFrom == 0 && order[to] == 0 || from == Authorized && to == Processing
			}
			if got := from.CanBecome(to); got != want {
				t.Errorf("%s may become %s: %t, want %t", from, to, got, want)
			}
		}
		if !from.CanBecome(from) || from.IsFinal() != provider.State(from).Final() {
			t.Errorf("%s may stay: %t, final: %t", from, from.CanBecome(from), from.IsFinal())
		}
	}
}
