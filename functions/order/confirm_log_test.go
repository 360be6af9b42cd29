package order_test

import (
	"net/http"
	"testing"
	"time"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

// TestOrderPaidLog logs how long an order waited after the provider had reported its payment, once,
// by the time in the payload or, in events of older revisions, by that of the event.
func TestOrderPaidLog(t *testing.T) {
	t.Parallel()
	s := openWithPayments(t)
	by, product := s.customer(t), s.mustAddProduct(t, "Lamp", 100)
	for name, row := range map[string]struct {
		authorizedAt time.Time // in the payload: the zero time as if it were missing
		event        time.Duration
		want         float64
	}{
		"by the payload":           {functiontest.NewEvent(t, "payment-authorized", nil).Time.Add(-3 * time.Minute), 0, 180},
		"by the event":             {time.Time{}, -2 * time.Minute, 120},
		"of a clock that is ahead": {functiontest.NewEvent(t, "payment-authorized", nil).Time.Add(time.Hour), 0, 0},
	} {
		o := s.mustAwaitPayment(t, by, product)
		payload := fixtures.PaymentAuthorized(o.ID)
		payload["authorizedAt"] = row.authorizedAt
		e := functiontest.NewEvent(t, "payment-authorized", payload)
		e.Time = e.Time.Add(row.event)
		for range 2 {
			s.Deliver(t, "order-confirm", e).MustBe(t, http.StatusNoContent)
		}
		entries := logs.Entries(t, "order paid", "order", o.ID.String())
		if len(entries) != 1 || entries[0]["severity"] != "INFO" || entries[0]["synthetic"] != false {
			t.Fatalf("%s: got %v", name, entries)
		}
		seconds, _ := entries[0]["seconds"].(float64)
		if seconds < row.want || seconds > 1.5*row.want {
			t.Errorf("%s: the order waited for %v s, want %v", name, seconds, row.want)
		}
	}
}
