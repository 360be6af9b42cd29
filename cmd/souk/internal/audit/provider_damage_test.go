package audit_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
	emulator "souk/emulators/payment"
	"souk/functions/payment/provider"
	"souk/functions/payment/provider/local"
	"souk/shared/config"
	"souk/shared/money"
)

// books is the list of a real provider, which a test can change.
type books struct {
	*local.Provider
	emulator *emulator.Provider
	change   func([]provider.Payment) []provider.Payment
	err      error
}

// List returns a page of the changed list.
func (b *books) List(ctx context.Context, query provider.Query) (provider.Page, error) {
	query.PageSize = 2 // several pages
	page, err := b.Provider.List(ctx, query)
	if b.change != nil {
		page.Items = b.change(page.Items)
	}
	return page, errors.Join(err, b.err)
}

func newBooks(t *testing.T) *books {
	t.Helper()
	p, err := emulator.New(emulator.Options{APIKey: "key", WebhookSecret: "secret", URL: "http://pay.localhost"})
	if err != nil {
		t.Fatal(err)
	}
	adapter, err := local.New(local.Options{URL: "http://pay.localhost", APIKey: config.NewSecret("key"), Transport: p.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	return &books{Provider: adapter, emulator: p}
}

// mustPay pays the payment of an order at the provider, and captures and refunds amounts of it.
func (b *books) mustPay(t *testing.T, reference string, total, captured, refunded int64) (id string) {
	t.Helper()
	ctx, eur := t.Context(), func(amount int64) money.Money { return money.Money{Amount: amount, Currency: "EUR"} }
	p, err := b.Create(ctx, provider.Creation{Amount: eur(total), Reference: reference, ReturnURL: "http://shop.localhost/", Capture: provider.Manual, Key: "create-" + reference})
	if err == nil {
		_, err = b.emulator.Pay(p.ID, emulator.CardApproved, "")
	}
	if err == nil && captured > 0 {
		_, err = b.Capture(ctx, p.ID, eur(captured), "capture-"+reference)
	}
	if err == nil && refunded > 0 {
		_, err = b.Refund(ctx, p.ID, eur(refunded), "refund-"+reference)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// mustPayAt pays an order at the provider and in the database.
func (s *shop) mustPayAt(t *testing.T, b *books, id uuid.UUID, total int64, state string, captured, refunded int) {
	t.Helper()
	payment := b.mustPay(t, id.String(), total, int64(captured), int64(refunded))
	s.mustPay(t, id, state, captured, refunded)
	s.mustExec(t, "payment", []statement{do(`UPDATE payment SET provider_payment_id = ? WHERE order_id = ?`, payment, id[:])})
	if refunded > 0 {
		refund := uuid.New()
		s.mustExec(t, "payment", []statement{do(`
			INSERT INTO refund (id, order_id, state, source, amount, restock, reason, failure, created_at)
			VALUES (?, ?, 'succeeded', 'requested', ?, 0, '', '', NOW(6))`, refund[:], id[:], refunded)})
	}
}

func TestAuditWithTheProvidersList(t *testing.T) {
	t.Parallel()
	s, b := open(t), newBooks(t)
	s.provider = b
	served := *s.list
	served.Functions = withoutFilters(served.Functions)
	s.list = &served
	tea := s.mustCreate(t, "TEA", 50)
	s.requirePayments(t, "on")
	paid, shipped, returned := s.mustOrder(t, 2, tea), s.mustOrder(t, 1, tea), s.mustOrder(t, 3, tea)
	s.deliver(t)
	for _, id := range []uuid.UUID{paid, shipped, returned} {
		s.mustAuthorize(t, id)
	}
	s.deliver(t)
	s.mustShip(t, shipped, "ship")
	s.mustShip(t, returned, "ship")
	s.deliver(t)
	s.mustPayAt(t, b, paid, 2598, "authorized", 0, 0)
	s.mustPayAt(t, b, shipped, 1299, "captured", 1299, 0)
	s.mustPayAt(t, b, returned, 3897, "partially_refunded", 3897, 897)
	report := s.mustAudit(t, atRest)
	requireHealthy(t, report)
	if want := (audit.Total{Currency: "EUR", Orders: 4299, Payments: 4299, Provider: 4299}); len(report.Money) != 1 || report.Money[0] != want || report.Provider.Payments != 3 {
		t.Errorf("the sums are %+v of %+v, want %+v of three payments", report.Money, report.Provider, want)
	}

	for name, d := range providerDamages(shipped, returned) {
		t.Run("finds "+name, func(t *testing.T) {
			b.change = d.change
			s.mustExec(t, "payment", d.plant)
			report := s.mustAudit(t, atRest)
			b.change = nil
			s.mustExec(t, "payment", d.mend)
			mustFind(t, report, d.damage)
			requireHealthy(t, s.mustAudit(t, atRest))
		})
	}
	t.Run("finds a payment at the provider that no order has", func(t *testing.T) {
		recent := s.mustAudit(t, 0)
		b.mustPay(t, unknownID.String(), 500, 500, 0)
		mustFind(t, s.mustAudit(t, atRest), damage{finds: []audit.Check{audit.ProviderOrphan, audit.MoneyTotal}, names: unknownID.String()})
		if report := s.mustAudit(t, 0); !report.OK || report.InFlight != recent.InFlight+1 {
			t.Errorf("a payment of this moment is compared: %+v", report)
		}
	})
	t.Run("says that the provider was not compared", func(t *testing.T) {
		b.err = errors.New("connection refused")
		requireNotChecked(t, s.mustAudit(t, atRest), false, "connection refused")
		s.provider = nil
		requireNotChecked(t, s.mustAudit(t, atRest), true, "there is none")
	})
}

// requireNotChecked requires a report without findings, and that it names the checks that were not
// made.
func requireNotChecked(t *testing.T, report audit.Report, ok bool, reason string) {
	t.Helper()
	if report.OK != ok || report.Provider.Checked || !strings.Contains(report.Provider.Reason, reason) {
		t.Errorf("the report is ok: %t, %+v; want %t and the reason %s", report.OK, report.Provider, ok, reason)
	}
	skipped := 0
	for _, result := range report.Checks {
		if result.NotChecked {
			skipped++
		}
		if result.Count > 0 {
			t.Errorf("%s: %v", result.Check, result.Examples)
		}
	}
	if skipped != 3 {
		t.Errorf("%d checks are not made, want 3", skipped)
	}
}

// providerDamage is a damage of the database or of the provider's list.
type providerDamage struct {
	damage
	change func([]provider.Payment) []provider.Payment
}

func providerDamages(shipped, returned uuid.UUID) map[string]providerDamage {
	at := func(id uuid.UUID, change func(p *provider.Payment)) func([]provider.Payment) []provider.Payment {
		return func(items []provider.Payment) []provider.Payment {
			for i := range items {
				if items[i].Reference == id.String() {
					change(&items[i])
				}
			}
			return items
		}
	}
	stored := func(id uuid.UUID, to, from string) (plant, mend []statement) {
		return []statement{do(`UPDATE payment SET `+to+` WHERE order_id = ?`, id[:])}, []statement{do(`UPDATE payment SET `+from+` WHERE order_id = ?`, id[:])}
	}
	differs := []audit.Check{audit.ProviderDiffers, audit.MoneyTotal}
	all := map[string]providerDamage{
		"an amount that the provider has captured twice": {damage{finds: differs, names: "2598 captured"}, at(shipped, func(p *provider.Payment) { p.Captured *= 2 })},
		"a refund that the provider has not made":        {damage{finds: differs, names: "0 refunded"}, at(returned, func(p *provider.Payment) { p.Refunded = 0 })},
		"a payment in another currency at the provider":  {damage{finds: differs, names: "1299 USD"}, at(shipped, func(p *provider.Payment) { p.Amount.Currency = "USD" })},
		"a second payment of an order": {damage{finds: []audit.Check{audit.ProviderOrphan, audit.MoneyTotal}, names: "pay_second"}, func(items []provider.Payment) []provider.Payment {
			for _, p := range items {
				if p.Reference == shipped.String() {
					p.ID = "pay_second"
					return append(items, p)
				}
			}
			return items
		}},
		"a payment of something that is not an order": {damage{finds: []audit.Check{audit.ProviderOrphan, audit.ProviderMissing}, names: uuid.Nil.String()}, at(shipped, func(p *provider.Payment) { p.Reference = "invoice 7" })},
	}
	plant, mend := stored(shipped, "captured = 1298", "captured = 1299")
	all["a captured amount that is a minor unit short"] = providerDamage{damage: damage{plant: plant, mend: mend, finds: []audit.Check{audit.MoneyUnpaid, audit.ProviderDiffers, audit.MoneyTotal}, names: "1298"}}
	plant, mend = stored(returned, "refunded = 898", "refunded = 897")
	all["a refund that is stored with a minor unit more"] = providerDamage{damage: damage{plant: plant, mend: mend, finds: []audit.Check{audit.MoneySum, audit.ProviderDiffers, audit.MoneyTotal}, names: "898"}}
	plant, mend = stored(shipped, "provider_payment_id = CONCAT(provider_payment_id, 'x')", "provider_payment_id = LEFT(provider_payment_id, LENGTH(provider_payment_id) - 1)")
	all["a payment that the provider does not know"] = providerDamage{damage: damage{plant: plant, mend: mend, finds: []audit.Check{audit.ProviderMissing, audit.ProviderOrphan}, names: "the provider does not know"}}
	return all
}
