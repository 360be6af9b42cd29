package payment

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"souk/functions/payment/provider"
	"souk/shared/money"
)

// model is one payment of the service beside what the bank has, without a database: transactions are
// copies that replace what is stored. Callbacks may be lost, late and repeated; requests to the bank may
// fail before or after their effect; a process may die at each point of a drive.
type model struct {
	t    *rapid.T
	now  time.Time
	bank *bank
	s    *service
	// versioned makes callbacks have the payment, as those of package local.
	versioned bool
	versions  map[string][]provider.Payment // of each payment at the bank

	p          payment
	operations []*operation
	refunds    map[uuid.UUID]*refund
	listedAt   time.Time // of the last comparison
	callbacks  []provider.Callback
	early      map[string]bool // payments whose callbacks have arrived before their ids
	news       news
	faults     int // of five requests
}

func newModel(t *rapid.T) *model {
	m := &model{
		t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), versioned: rapid.Bool().Draw(t, "versioned"),
		versions: map[string][]provider.Payment{}, refunds: map[uuid.UUID]*refund{}, early: map[string]bool{}, faults: rapid.IntRange(0, 5).Draw(t, "faults"),
	}
	m.bank = newBank(func() time.Time { return m.now })
	m.bank.fail = m.fail
	m.s = &service{provider: lagging{m.bank, m}, settings: Settings{ReturnURL: "https://shop.example/", MaxDeclines: 10}}
	mode := rapid.SampledFrom([]provider.CaptureMode{provider.Manual, provider.Automatic}).Draw(t, "mode")
	m.p = newPayment(uuid.Must(uuid.NewV7()), uuid.New(), bankName, money.Money{Amount: total, Currency: "EUR"}, mode, m.now)
	m.tx(func(a *account) bool {
		a.nextAt = m.now
		a.add(opCreate, uuid.New(), total, m.now)
		return true
	})
	return m
}

// fail returns the fault of a request.
func (m *model) fail(_ string, _ bool) error {
	if rapid.IntRange(1, 5).Draw(m.t, "fault") > m.faults {
		return nil
	}
	return rapid.SampledFrom([]error{errUnknown, errTemporary}).Draw(m.t, "error")
}

// lagging is the bank, whose list may lack payments that were created in the last minutes: their creation
// takes effect after the request for it has failed.
type lagging struct {
	*bank
	m *model
}

// List lists payments.
func (b lagging) List(ctx context.Context, query provider.Query) (provider.Page, error) {
	page, err := b.bank.List(ctx, query)
	if b.m.faults > 0 && rapid.Bool().Draw(b.m.t, "lags") {
		page.Items = slices.DeleteFunc(page.Items, func(p provider.Payment) bool { return b.m.now.Sub(p.CreatedAt) < 2*settleTime })
	}
	return page, err
}

// tx runs a transaction, which is rolled back if it returns false.
func (m *model) tx(change func(a *account) bool) {
	a := newAccount(m.p)
	for _, op := range m.operations {
		copied := *op
		a.operations = append(a.operations, &copied)
	}
	for id, r := range m.refunds {
		copied := *r
		a.refunds[id] = &copied
	}
	if !change(a) {
		return
	}
	m.p, m.operations, m.refunds = a.payment, a.operations, a.refunds
	m.news.authorized = append(m.news.authorized, a.news.authorized...)
	m.news.captured = append(m.news.captured, a.news.captured...)
	m.news.failed = append(m.news.failed, a.news.failed...)
	m.news.refunded = append(m.news.refunded, a.news.refunded...)
}

// noteChanges has the bank send callbacks about the payments that have changed.
func (m *model) noteChanges() {
	for _, p := range m.bank.all(m.p.orderID.String()) {
		known := m.versions[p.ID]
		if n := len(known); n > 0 && known[n-1] == p {
			continue
		}
		m.versions[p.ID] = append(known, p)
		c := provider.Callback{ID: uuid.NewString(), Payment: provider.Payment{ID: p.ID}}
		if m.versioned {
			c.Payment = p
			c.Payment.Version = int64(len(known) + 1)
		}
		m.callbacks = append(m.callbacks, c)
	}
}

// stamp sets the version of a payment in a response.
func (m *model) stamp(p *provider.Payment) {
	if i := slices.Index(m.versions[p.ID], *p); m.versioned && i >= 0 {
		p.Version = int64(i + 1)
	}
}

// receive delivers one of the callbacks, which may be delivered again.
func (m *model) receive() {
	if len(m.callbacks) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.callbacks)-1).Draw(m.t, "callback")
	c := m.callbacks[i]
	if rapid.Bool().Draw(m.t, "once") {
		m.callbacks = slices.Delete(m.callbacks, i, i+1)
	}
	m.tx(func(a *account) bool {
		if a.providerID != c.Payment.ID && (a.providerID != "" || !m.versioned) {
			m.early[c.Payment.ID] = true
			return false
		}
		if m.versioned {
			a.observe(context.Background(), c.Payment, m.now)
		} else {
			a.needsRead = true
		}
		a.continueAt(m.now)
		return true
	})
}

// drive is service.drive, which may be interrupted and during which other things may happen.
func (m *model) drive(poll bool, interrupt func() bool) {
	for range maxSteps {
		st, ok := m.begin(poll)
		if !ok || st.kind == stepNone || interrupt() {
			return
		}
		out := m.s.ask(context.Background(), st)
		m.noteChanges()
		m.stamp(&out.payment)
		if interrupt() || !m.record(st, out) || out.err != nil && provider.ClassOf(out.err).Retryable() {
			return
		}
		poll = false
	}
}

func (m *model) begin(poll bool) (st step, ok bool) {
	m.tx(func(a *account) bool {
		if a.claimed(m.now) {
			return false
		}
		if a.claimID != uuid.Nil {
			a.needsRead, a.claimID = a.providerID != "", uuid.Nil
		}
		kind, op := a.plan(poll, m.now)
		if kind == stepNone {
			a.nextAt = a.nextPoll(m.now)
		} else if err := a.claim(kind, op, m.now, claimTimeout); err != nil {
			m.t.Fatal(err)
		}
		st, ok = step{kind: kind, payment: a.payment}, true
		if kind != stepNone && op != nil {
			st.operation = *op
		}
		return true
	})
	return st, ok
}

func (m *model) record(st step, out outcome) (goOn bool) {
	m.tx(func(a *account) bool {
		if a.claimID != st.payment.claimID {
			return false
		}
		a.claimID, a.claimedUntil, a.nextAt = uuid.Nil, time.Time{}, m.now
		goOn = a.apply(context.Background(), st, out, m.now)
		if a.stored.providerID == "" && a.providerID != "" {
			a.needsRead = a.needsRead || m.early[a.providerID]
		}
		return true
	})
	return goOn
}

// compare compares the bank's list of the payments since the last comparison with the payment.
func (m *model) compare() {
	since := m.listedAt.Add(-listOverlap)
	m.listedAt = m.now
	for _, seen := range m.bank.all(m.p.orderID.String()) {
		if seen.CreatedAt.Before(since) {
			continue
		}
		m.stamp(&seen)
		stray := false
		m.tx(func(a *account) bool {
			stray = !a.owns(seen)
			if stray || seen.Version == 0 || a.providerID == "" && a.claimed(m.now) || !a.observe(context.Background(), seen, m.now) || a.payment == a.stored {
				return false
			}
			a.continueAt(m.now)
			return true
		})
		if stray {
			if m.s.giveBackStray(context.Background(), seen) != nil {
				m.listedAt = since.Add(listOverlap) // The list is compared again.
			}
			m.noteChanges()
		}
	}
}
