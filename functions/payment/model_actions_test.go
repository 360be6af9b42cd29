package payment

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"souk/functions/payment/provider"
)

// actions are what may happen, also during a request.
func (m *model) actions() map[string]func() {
	customer := func(payable func(provider.Payment) bool, change func(*provider.Payment)) func() {
		return func() {
			for _, p := range m.bank.all(m.p.orderID.String()) {
				if payable(p) {
					m.bank.change(p.ID, change)
					m.noteChanges()
					return
				}
			}
		}
	}
	settle := func(p *provider.Payment) { p.State = provider.Settled(p.Captured, p.Refunded) }
	is := func(states ...provider.State) func(provider.Payment) bool {
		return func(p provider.Payment) bool { return slices.Contains(states, p.State) }
	}
	return map[string]func(){
		"": func() {}, "receive": m.receive, "compare": m.compare, "refund": m.refund,
		"wait": func() {
			m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 10 * time.Minute}).Draw(m.t, "time"))
		},
		"lose":   m.lose,
		"cancel": func() { m.tx(func(a *account) bool { a.cancel(uuid.New(), cancelledOrder, m.now); return true }) },
		"ship": func() {
			m.tx(func(a *account) bool {
				if a.captureCause != uuid.Nil || len(m.news.authorized) == 0 || a.wantsCancel() {
					return false
				}
				a.captureCause = uuid.New()
				a.continueAt(m.now)
				return true
			})
		},
		"pay": customer(func(p provider.Payment) bool { return p.State == provider.Requested && m.p.providerID == p.ID }, func(p *provider.Payment) {
			p.State, p.Next = provider.Authorized, provider.NextAction{}
			if p.Capture == provider.Automatic {
				p.State, p.Captured = provider.Captured, p.Amount.Amount
			}
		}),
		"expire":     customer(is(provider.Requested, provider.Authorized), func(p *provider.Payment) { p.State = provider.Expired }),
		"give back":  customer(is(provider.Captured, provider.PartiallyRefunded), func(p *provider.Payment) { p.Refunded += min(100, p.Captured-p.Refunded); settle(p) }),
		"dispute":    customer(is(provider.Captured, provider.PartiallyRefunded), func(p *provider.Payment) { p.State = provider.Disputed }),
		"win":        customer(is(provider.Disputed), settle),
		"lose money": customer(is(provider.Disputed), func(p *provider.Payment) { p.Refunded = p.Captured; settle(p) }),
	}
}

// lose loses the callbacks about payments that are not captured. Captured ones are not polled: providers
// repeat their callbacks for days.
func (m *model) lose() {
	m.callbacks = slices.DeleteFunc(m.callbacks, func(c provider.Callback) bool { return !State(m.bank.find(c.Payment.ID).State).isCaptured() })
}

// refund is refund-create for an amount.
func (m *model) refund() {
	m.tx(func(a *account) bool {
		amount := rapid.SampledFrom([]int64{100, 100, total / 2, total}).Draw(m.t, "amount")
		if !a.state.isRefundable() || amount > a.refundable()-a.reserved() {
			return false
		}
		r := &refund{id: uuid.New(), orderID: a.orderID, state: RefundRequested, source: sourceRequested, amount: amount, createdAt: m.now}
		a.addRefund(r)
		a.add(opRefund, r.id, amount, m.now)
		a.continueAt(m.now)
		return true
	})
}
