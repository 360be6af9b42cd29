package chaos

import (
	"database/sql"
	"maps"
	"slices"
	"testing"
	"time"
)

// waitQuiet waits until all work has ended, and returns the time since a moment. Messages
// that no order waits for count too: the audit compares the events with the functions that
// consume them.
func (o *oracle) waitQuiet(t *testing.T, since time.Time) time.Duration {
	t.Helper()
	for deadline := time.Now().Add(settleTimeout); ; time.Sleep(100 * time.Millisecond) {
		if *sweep {
			o.s.sweep(t)
		}
		unfinished, quiet := o.unfinished(t), time.Since(since)
		var audit error
		if len(unfinished) == 0 {
			if audit = o.s.audit(); audit == nil {
				return quiet
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s these are not finished: %v; %v", settleTimeout, unfinished, audit)
		}
	}
}

// unfinished returns how much of each kind of work has not ended.
func (o *oracle) unfinished(t *testing.T) map[string]int64 {
	t.Helper()
	counts := map[string]int64{"cancelled orders with reserved stock": int64(o.unreleased(t))}
	for what, source := range map[string]struct {
		db    *sql.DB
		query string
	}{
		"pending orders":              {o.order, `SELECT COUNT(*) FROM orders WHERE status = 'pending'`},
		"orders that wait for money":  {o.order, `SELECT COUNT(*) FROM orders WHERE status = 'awaiting_payment'`},
		"requests to the provider":    {o.payment, `SELECT COUNT(*) FROM operation WHERE state = 'pending'`},
		"payments that are requested": {o.payment, `SELECT COUNT(*) FROM payment WHERE claim_id IS NOT NULL OR needs_read = 1 OR state IN ('requested', 'requires_action', 'processing')`},
		"pending events of order":     {o.order, `SELECT COUNT(*) FROM outbox WHERE published_at IS NULL`},
		"pending events of product":   {o.product, `SELECT COUNT(*) FROM outbox WHERE published_at IS NULL`},
		"pending events of payment":   {o.payment, `SELECT COUNT(*) FROM outbox WHERE published_at IS NULL`},
		"pending events of user":      {o.user, `SELECT COUNT(*) FROM outbox WHERE published_at IS NULL`},
	} {
		counts[what] = mustColumn[int64](t, source.db, source.query)[0]
	}
	maps.DeleteFunc(counts, func(_ string, n int64) bool { return n == 0 })
	return counts
}

// waiting waits until the stock of every order is reserved or not, and returns the orders that wait
// for customers who have not paid.
func (o *oracle) waiting(t *testing.T, sh *shop) (ids []string) {
	t.Helper()
	for deadline := time.Now().Add(settleTimeout); o.unfinished(t)["pending orders"] > 0; time.Sleep(100 * time.Millisecond) {
		if *sweep {
			o.s.sweep(t)
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s orders are pending", settleTimeout)
		}
	}
	for _, id := range mustColumn[string](t, o.order, `SELECT LOWER(HEX(id)) FROM orders WHERE status = 'awaiting_payment'`) {
		if id = dashed(id); !sh.paid[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

// dashed returns the text of an id in hexadecimal digits.
func dashed(id string) string {
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

// unreleased returns the number of cancelled orders with reserved stock.
func (o *oracle) unreleased(t *testing.T) int {
	t.Helper()
	reserved := mustColumn[string](t, o.product, `SELECT HEX(order_id) FROM reservation WHERE state = 'reserved'`)
	cancelled := map[string]bool{}
	for _, id := range mustColumn[string](t, o.order, `SELECT HEX(id) FROM orders WHERE status = 'cancelled'`) {
		cancelled[id] = true
	}
	return len(slices.DeleteFunc(reserved, func(id string) bool { return !cancelled[id] }))
}
