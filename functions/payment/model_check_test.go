package payment

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"souk/functions/payment/provider"
)

// TestModel does what may happen to a payment in random order. In the end, when all requests succeed
// and callbacks have arrived or are lost, the service and the bank agree, and a cancelled order has no money.
func TestModel(t *testing.T) {
	t.Parallel()
	for range 10 {
		rapid.Check(t, checkModel)
	}
}

func checkModel(t *rapid.T) {
	m := newModel(t)
	actions := m.actions()
	// Fewer kinds of actions make rare courses more likely.
	names := rapid.SliceOfNDistinct(rapid.SampledFrom(slices.Sorted(maps.Keys(actions))), 3, len(actions), rapid.ID).Draw(t, "actions")
	happen := func() bool {
		actions[rapid.SampledFrom(names).Draw(t, "action")]()
		return rapid.IntRange(0, 9).Draw(t, "die") == 0
	}
	for range rapid.IntRange(5, 40).Draw(t, "steps") {
		happen()
		if rapid.Bool().Draw(t, "drive") {
			m.drive(rapid.Bool().Draw(t, "poll"), happen)
		}
	}
	m.finish()
	m.requireAgreement()
}

// finish lets the service continue until nothing changes any more.
func (m *model) finish() {
	m.faults = 0
	m.lose()
	for range 30 {
		for len(m.callbacks) > 0 {
			m.receive()
		}
		m.now = m.now.Add(25 * time.Hour)
		if !m.p.nextAt.IsZero() && !m.p.nextAt.After(m.now) {
			m.drive(true, func() bool { return false })
		}
		m.compare()
	}
}

func (m *model) requireAgreement() {
	var captured, refunded int64
	for _, p := range m.bank.all(m.p.orderID.String()) {
		if p.ID != m.p.providerID {
			// No customer has its page. It may be left to expire.
			if p.State == provider.Authorized || p.Captured != p.Refunded {
				m.t.Errorf("a stray payment is %s", p.State)
			}
			continue
		}
		if m.p.wantsCancel() && (State(p.State).isVoidable() || p.State != provider.Disputed && p.Captured != p.Refunded) {
			m.t.Errorf("the order is cancelled, but the bank has %s, %d captured, %d refunded", p.State, p.Captured, p.Refunded)
		}
		captured, refunded = p.Captured, p.Refunded
		if State(p.State) != m.p.state {
			m.t.Errorf("the payment is %s, but %s at the bank", m.p.state, p.State)
		}
		if m.p.wantsCapture() && p.State == provider.Authorized {
			m.t.Error("the order is shipped, but not captured")
		}
	}
	var news, back int64
	for _, e := range m.news.captured {
		news += e.Amount.Amount
	}
	for _, e := range m.news.refunded {
		back += e.Amount.Amount
	}
	if m.p.captured != captured || news != captured || m.p.refunded != refunded || back != refunded {
		m.t.Errorf("captured and refunded are %d, %d at the bank; stored %d, %d; published %d, %d", captured, refunded, m.p.captured, m.p.refunded, news, back)
	}
	if len(m.news.authorized) > 1 || len(m.news.failed) > 1 {
		m.t.Errorf("%d authorized and %d failed were published", len(m.news.authorized), len(m.news.failed))
	}
	m.requireRefunds()
}

// requireRefunds requires that each refund that succeeded is a part of the refunded amount.
func (m *model) requireRefunds() {
	var sum int64
	for _, r := range m.refunds {
		if r.state == RefundSucceeded {
			sum += r.amount
		}
		if r.state == RefundRequested && m.p.state != Disputed {
			m.t.Errorf("a refund of %d is still %s", r.amount, r.state)
		}
	}
	if sum != m.p.refunded {
		m.t.Errorf("the refunds that succeeded are %d of %d", sum, m.p.refunded)
	}
}
