package audit_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/config"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// requirePayments makes new orders require payment, or not.
func (s *shop) requirePayments(t *testing.T, setting string) {
	t.Helper()
	contract := functiontest.WithContract(functiontest.NewContract(functions.OpenAPI, functions.Events))
	s.services["order"] = functiontest.Start(t, functions.Manifest(), "order", order.Functions, order.Migrations,
		config.Environment{"PAYMENTS": setting}, contract, functiontest.WithSameDatabase(s.services["order"]))
}

// withoutFilters returns the functions that do not consume messages about payments.
func withoutFilters(list []manifest.Function) []manifest.Function {
	return slices.DeleteFunc(slices.Clone(list), func(f manifest.Function) bool { return len(f.Filter) > 0 })
}

// mustAuthorize delivers payment-authorized of an order.
func (s *shop) mustAuthorize(t *testing.T, id uuid.UUID) {
	t.Helper()
	e := functiontest.NewEvent(t, "payment-authorized", fixtures.PaymentAuthorized(id))
	s.services["order"].Deliver(t, "order-confirm", e).MustBe(t, http.StatusNoContent)
}

func TestAuditOfPayments(t *testing.T) {
	t.Parallel()
	s := open(t)
	tea := s.mustCreate(t, "TEA", 50)
	free := s.mustOrder(t, 1, tea)
	s.deliver(t)
	// There is no payment provider, so that nothing reaches the functions of payments.
	complete, served := s.list, *s.list
	served.Functions = withoutFilters(served.Functions)
	s.list = &served
	s.requirePayments(t, "on")
	paid, waiting, cancelled := s.mustOrder(t, 2, tea), s.mustOrder(t, 3, tea), s.mustOrder(t, 1, tea)
	s.deliver(t)
	s.mustAuthorize(t, paid)
	s.mustPay(t, paid, "authorized", 0, 0)
	s.mustPay(t, waiting, "requested", 0, 0)
	s.mustCancel(t, cancelled)
	s.mustPay(t, cancelled, "voided", 0, 0)
	s.deliver(t)
	requireHealthy(t, s.mustAudit(t, atRest))
	all := paymentDamages(tea, free, paid, waiting)
	maps.Copy(all, moneyDamages(paid, cancelled))
	for name, d := range all {
		t.Run("finds "+name, func(t *testing.T) {
			s.mustExec(t, d.service, d.plant)
			report := s.mustAudit(t, atRest)
			s.mustExec(t, d.service, d.mend)
			mustFind(t, report, d)
			requireHealthy(t, s.mustAudit(t, atRest))
		})
	}
	t.Run("finds an order that waits for its payment for too long", func(t *testing.T) {
		mustFind(t, s.mustAudit(t, 45*time.Minute), damage{
			finds: []audit.Check{audit.OrderOverdue}, names: waiting.String() + " awaiting_payment since",
		})
		s.mustAuthorize(t, waiting)
		s.mustExec(t, "payment", []statement{do(`UPDATE payment SET state = 'authorized' WHERE order_id = ?`, waiting[:])})
		s.deliver(t)
		requireHealthy(t, s.mustAudit(t, 45*time.Minute))
	})
	t.Run("finds events that have not reached the payment service, and expects none of free orders there", func(t *testing.T) {
		s.list = complete
		report := s.mustAudit(t, atRest)
		mustFind(t, report, damage{finds: []audit.Check{audit.EventUnconsumed}, names: "has not reached payment-request"})
		missing := 0
		for _, result := range report.Checks {
			for _, finding := range result.Examples {
				if strings.HasSuffix(finding.Detail, "payment-request") {
					missing++
				}
			}
		}
		if missing != 3 {
			t.Errorf("%d events are missing at payment-request, want those of three orders: %+v", missing, report.Checks)
		}
	})
}

// paymentDamages are orders with another payment than that they were placed with, and events
// without it.
func paymentDamages(tea, free, paid, waiting uuid.UUID) map[string]damage {
	setPayment := func(id uuid.UUID, payment string) []statement {
		return []statement{do(`UPDATE orders SET payment = ? WHERE id = ?`, payment, id[:])}
	}
	found := []audit.Check{audit.OrderPayment}
	return map[string]damage{
		"an order that needs no payment any more":     {"order", setPayment(paid, "none"), setPayment(paid, "required"), []audit.Check{audit.OrderPayment, audit.MoneyOrphan}, paid.String()},
		"a free order that needs payment now":         {"order", setPayment(free, "required"), setPayment(free, "none"), []audit.Check{audit.OrderPayment, audit.MoneyUnpaid}, free.String()},
		"a payment that is neither none nor required": {"order", setPayment(free, "later"), setPayment(free, "none"), found, "later"},
		"an order that waits for a payment that it does not need, after its events are gone": {
			"order",
			append(setPayment(free, "none"), do(`UPDATE order_history SET status = 'awaiting_payment' WHERE order_id = ? AND version = 2`, free[:]),
				do(`UPDATE orders SET status = 'awaiting_payment' WHERE id = ?`, free[:])),
			[]statement{
				do(`UPDATE order_history SET status = 'confirmed' WHERE order_id = ? AND version = 2`, free[:]),
				do(`UPDATE orders SET status = 'confirmed' WHERE id = ?`, free[:]),
			},
			[]audit.Check{audit.OrderPayment, audit.EventMissing}, "has waited for it",
		},
		"an event that the payment service does not get": {
			"order",
			[]statement{do(`UPDATE outbox SET attributes = NULL WHERE aggregateid = ? AND type = 'order-confirmed'`, paid.String())},
			[]statement{do(`UPDATE outbox SET attributes = '{"payment":"required"}' WHERE aggregateid = ? AND type = 'order-confirmed'`, paid.String())},
			found, "event order-confirmed",
		},
		"an event of a free order that the payment service gets": {
			"order",
			[]statement{do(`UPDATE outbox SET attributes = '{"payment":"required"}' WHERE aggregateid = ? AND type = 'order-confirmed'`, free.String())},
			[]statement{do(`UPDATE outbox SET attributes = NULL WHERE aggregateid = ? AND type = 'order-confirmed'`, free.String())},
			found, free.String(),
		},
		"an event order-placed without the payment": {
			"order",
			[]statement{do(`UPDATE outbox SET payload = REPLACE(payload, '"payment":"required"', '"payments":"required"') WHERE aggregateid = ?`, paid.String())},
			[]statement{do(`UPDATE outbox SET payload = REPLACE(payload, '"payments":"required"', '"payment":"required"') WHERE aggregateid = ?`, paid.String())},
			found, "was placed with payment \"none\"",
		},
		"an order that waits for its payment without stock": {
			"product",
			[]statement{
				do(`UPDATE reservation SET state = 'released' WHERE order_id = ?`, waiting[:]),
				do(`UPDATE product SET available = available + 3, reserved = reserved - 3 WHERE id = ?`, tea[:]),
			},
			[]statement{
				do(`UPDATE reservation SET state = 'reserved' WHERE order_id = ?`, waiting[:]),
				do(`UPDATE product SET available = available - 3, reserved = reserved + 3 WHERE id = ?`, tea[:]),
			},
			[]audit.Check{audit.ReservationMissing}, waiting.String(),
		},
	}
}

// mustPay inserts the payment of an order.
func (s *shop) mustPay(t *testing.T, id uuid.UUID, state string, captured, refunded int) {
	t.Helper()
	var total int64
	if err := s.databases["order"].QueryRowContext(t.Context(), `SELECT total_amount FROM orders WHERE id = ?`, id[:]).Scan(&total); err != nil {
		t.Fatal(err)
	}
	s.mustExec(t, "payment", []statement{do(`
		INSERT INTO payment (order_id, user_id, provider, provider_version, state, version, amount, currency, capture_mode,
			captured, refunded, cancel_source, failure, declines, page_url, needs_read, created_at, updated_at)
		VALUES (?, ?, 'local', 1, ?, 1, ?, 'EUR', 'manual', ?, ?, '', '', 0, '', 0, ?, ?)`,
		id[:], s.userID[:], state, total, captured, refunded, time.Now().UTC(), time.Now().UTC())})
}

// moneyDamages are payments that do not fit their orders.
func moneyDamages(paid, cancelled uuid.UUID) map[string]damage {
	set := func(id uuid.UUID, columns string) []statement {
		return []statement{do(`UPDATE payment SET `+columns+` WHERE order_id = ?`, id[:])}
	}
	status := func(to string) []statement {
		return []statement{
			do(`UPDATE orders SET status = ? WHERE id = ?`, to, paid[:]),
			do(`UPDATE order_history SET status = ? WHERE order_id = ? AND version = 3`, to, paid[:]),
		}
	}
	plant, mend := removed("order_id = ?", []any{paid[:]}, "payment.payment")
	refunds := append(set(paid, "state = 'partially_refunded', captured = amount, refunded = 500"), do(`
		INSERT INTO refund (id, order_id, state, source, amount, restock, reason, failure, created_at)
		VALUES (?, ?, 'succeeded', 'requested', 400, 0, '', '', ?)`, unknownID[:], paid[:], time.Now().UTC()))
	return map[string]damage{
		"a confirmed order whose payment is gone":        {"payment", plant, mend, []audit.Check{audit.MoneyUnpaid}, paid.String()},
		"a confirmed order whose payment was declined":   {"payment", set(paid, "state = 'declined'"), set(paid, "state = 'authorized'"), []audit.Check{audit.MoneyUnpaid}, "is declined"},
		"a shipped order whose payment was not captured": {"order", status("shipped"), status("confirmed"), []audit.Check{audit.MoneyUnpaid, audit.MoneyTotal, audit.HistoryMove, audit.EventMissing, audit.ReservedUnits}, "nothing is captured"},
		"a cancelled order whose payment is authorized":  {"payment", set(cancelled, "state = 'authorized'"), set(cancelled, "state = 'voided'"), []audit.Check{audit.MoneyUnreturned}, cancelled.String()},
		"a cancelled order whose payment was captured":   {"payment", set(cancelled, "state = 'captured', captured = amount"), set(cancelled, "state = 'voided', captured = 0"), []audit.Check{audit.MoneyUnreturned}, "1299 EUR"},
		"a payment of another amount":                    {"payment", set(paid, "amount = amount + 1"), set(paid, "amount = amount - 1"), []audit.Check{audit.MoneyDiffers}, paid.String()},
		"a payment in another currency":                  {"payment", set(paid, "currency = 'USD'"), set(paid, "currency = 'EUR'"), []audit.Check{audit.MoneyDiffers}, "USD"},
		"a payment of no order": {
			"payment", set(cancelled, "order_id = UNHEX('"+hexID(unknownID)+"')"), []statement{do(`UPDATE payment SET order_id = ? WHERE order_id = ?`, cancelled[:], unknownID[:])},
			[]audit.Check{audit.MoneyOrphan}, unknownID.String(),
		},
		"more that was captured than authorized": {"payment", set(paid, "state = 'captured', captured = amount + 1"), set(paid, "state = 'authorized', captured = 0"), []audit.Check{audit.MoneySum, audit.MoneyTotal}, paid.String()},
		"refunds that are not what was refunded": {
			"payment", refunds, append(set(paid, "state = 'authorized', captured = 0, refunded = 0"), do(`DELETE FROM refund WHERE id = ?`, unknownID[:])),
			[]audit.Check{audit.MoneySum, audit.MoneyTotal}, "500 refunded, by refunds of 400",
		},
	}
}

func hexID(id uuid.UUID) string { return strings.ReplaceAll(id.String(), "-", "") }
