package product_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

// TestSellStock checks that the units of an order that is paid count as unpaid no more, those of an
// order that is cancelled neither, and that others do.
func TestSellStock(t *testing.T) {
	t.Parallel()
	s, source := open(t), uuid.New()
	cup := s.mustCreate(t, fixtures.Product("CUP-SELL", 40))
	paid, cancelled, third := uuid.New(), uuid.New(), uuid.New()
	s.mustReserveUnpaid(t, paid, []uuid.UUID{source}, item(cup, 10))
	s.mustReserveUnpaid(t, cancelled, []uuid.UUID{source}, item(cup, 10))
	s.mustReserveUnpaid(t, third, []uuid.UUID{source}, item(cup, 1))
	if got := s.outcome(t, third); got != "too_many_unpaid_units" {
		t.Fatalf("with 20 of 40 units unpaid, the outcome is %q", got)
	}
	unpaid := func(order uuid.UUID) int64 {
		t.Helper()
		return s.mustCount(t, `SELECT COUNT(*) FROM unpaid_item WHERE order_id = ?`, order[:])
	}

	withoutPayment := fixtures.OrderConfirmed(paid)
	delete(withoutPayment, "payment")
	s.Deliver(t, "stock-sell", functiontest.NewEvent(t, "order-confirmed", withoutPayment)).MustBe(t, http.StatusNoContent)
	if got := unpaid(paid); got != 1 {
		t.Errorf("%d unpaid items after an event of an order without payment, want 1", got)
	}
	e := functiontest.NewEvent(t, "order-confirmed", fixtures.OrderConfirmed(paid))
	s.Deliver(t, "stock-sell", e).MustBe(t, http.StatusNoContent)
	s.Deliver(t, "stock-sell", e).MustBe(t, http.StatusNoContent)
	cancellation := fixtures.OrderCancelled(cancelled)
	cancellation["payment"] = "required"
	s.Deliver(t, "stock-release", functiontest.NewEvent(t, "order-cancelled", cancellation)).MustBe(t, http.StatusNoContent)
	if got := unpaid(paid) + unpaid(cancelled); got != 0 {
		t.Errorf("%d unpaid items of orders that are paid or cancelled", got)
	}
	again := uuid.New()
	s.mustReserveUnpaid(t, again, []uuid.UUID{source}, item(cup, 15))
	if got := s.outcome(t, again); got != "reserved" {
		t.Errorf("15 of the 30 units that are left: the outcome is %q", got)
	}
}
