package order_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/function/functiontest"
)

func (s testService) failPayment(t *testing.T, id uuid.UUID, reason string) {
	t.Helper()
	s.Deliver(t, "order-payment-failed", functiontest.NewEvent(t, "payment-failed", fixtures.PaymentFailed(id, reason))).MustBe(t, http.StatusNoContent)
}

func TestPaymentFailed(t *testing.T) {
	t.Parallel()
	s := openWithPayments(t)
	buyer := s.customer(t)
	cup := s.mustAddProduct(t, "Cup", 500)

	t.Run("a failed payment cancels an order that waits for it, also before stock-reserved", func(t *testing.T) {
		t.Parallel()
		waiting, pending := s.mustAwaitPayment(t, buyer, cup), s.mustPlace(t, buyer, fixtures.Item(cup, 1))
		for _, id := range []uuid.UUID{waiting.ID, pending.ID} {
			s.failPayment(t, id, "declined")
			s.failPayment(t, id, "declined")
			s.authorize(t, id)
			s.mustDeliverStock(t, "stock-reserved", id, "")
		}
		o := s.requirePath(t, buyer.token, waiting.ID, order.Pending, order.AwaitingPayment, order.Cancelled)
		s.requirePath(t, buyer.token, pending.ID, order.Pending, order.Cancelled)
		if last := o.History[2]; last.Reason != "payment_failed" || last.Actor != order.System {
			t.Errorf("the cancellation is %+v", last)
		}
	})

	t.Run("a confirmed order is cancelled if its authorization is gone, and not by a declined attempt", func(t *testing.T) {
		t.Parallel()
		for reason, want := range map[string][]order.Status{
			"declined": {order.Pending, order.AwaitingPayment, order.Confirmed},
			"expired":  {order.Pending, order.AwaitingPayment, order.Confirmed, order.Cancelled},
			"voided":   {order.Pending, order.AwaitingPayment, order.Confirmed, order.Cancelled},
		} {
			o := s.mustAwaitPayment(t, buyer, cup)
			s.authorize(t, o.ID)
			s.failPayment(t, o.ID, reason)
			s.requirePath(t, buyer.token, o.ID, want...)
		}
	})

	t.Run("a shipped order is not cancelled by a failed payment", func(t *testing.T) {
		t.Parallel()
		o := s.mustAwaitPayment(t, buyer, cup)
		s.requestStatus(t, s.Tokens.Admin(t), "ship", o.ID).MustBeProblem(t, http.StatusConflict, "order_not_shippable")
		s.authorize(t, o.ID)
		s.requestStatus(t, s.Tokens.Admin(t), "ship", o.ID).MustBe(t, http.StatusOK)
		s.failPayment(t, o.ID, "expired")
		s.requirePath(t, buyer.token, o.ID, order.Pending, order.AwaitingPayment, order.Confirmed, order.Shipped)
	})
}
