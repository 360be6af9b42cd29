package e2e_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/payment"
	"souk/functions/payment/invoice"
	"souk/functions/product"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

// refund requests a refund of an order with an idempotency key.
func (s *system) refund(t *testing.T, admin string, id uuid.UUID, key string, body map[string]any) functiontest.Response {
	t.Helper()
	return s.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + id.String() + "/refunds", Token: admin,
		Header: map[string]string{"Idempotency-Key": key}, Body: body})
}

// TestRefundLines refunds an order by lines with its shipping, in parts, and compares stock, credit
// notes and payment.
func TestRefundLines(t *testing.T) {
	parallel(t)
	s := startSystem(t, paymentsOn)
	admin, customer := s.admin(t), s.customer(t)
	cup := s.mustCreateProduct(t, admin, customer, 100)
	s.chargeTaxAndShipping(t, admin)
	body := fixtures.Order(fixtures.Item(cup.ID, 3))
	body["shippingAddress"], body["shippingMethod"] = fixtures.Address(), "standard"
	place := func() (o order.Order) {
		s.do(t, fixtures.PlaceOrder(customer, body)).MustBe(t, http.StatusCreated).Into(t, &o)
		return o
	}
	lines := func(quantity int) []any { return []any{map[string]any{"productId": cup.ID, "quantity": quantity}} }

	unpaid := place()
	s.awaitPayment(t, customer, unpaid.ID, "payable", func(p payment.Payment) bool { return p.NextAction != nil })
	s.refund(t, admin, unpaid.ID, uuid.NewString(), map[string]any{"lines": lines(1)}).MustBeProblem(t, http.StatusConflict, "payment_not_refundable")
	s.do(t, fixtures.ChangeOrderStatus(customer, unpaid.ID, "cancel")).MustBe(t, http.StatusOK)

	o := place()
	s.pay(t, customer, o.ID)
	s.do(t, fixtures.ChangeOrderStatus(admin, o.ID, "ship")).MustBe(t, http.StatusOK)
	s.awaitPayment(t, customer, o.ID, "captured", func(p payment.Payment) bool { return p.Status == payment.Captured })
	key, first := uuid.NewString(), map[string]any{"lines": lines(1), "restock": true, "reason": "broken"}
	var refunds [2]payment.Refund
	s.refund(t, admin, o.ID, key, first).MustBe(t, http.StatusCreated).Into(t, &refunds[0])
	var replayed payment.Refund
	s.refund(t, admin, o.ID, key, first).MustBe(t, http.StatusCreated).Into(t, &replayed)
	if replayed.ID != refunds[0].ID {
		t.Errorf("the repeated request made refund %s, want %s", replayed.ID, refunds[0].ID)
	}
	s.refund(t, admin, o.ID, key, map[string]any{"lines": lines(2)}).MustBeProblem(t, http.StatusUnprocessableEntity, "idempotency_key_reused")
	s.refund(t, admin, o.ID, uuid.NewString(), map[string]any{"lines": lines(3)}).MustBeProblem(t, http.StatusConflict, "quantity_not_refundable")
	s.refund(t, admin, o.ID, uuid.NewString(), map[string]any{"amount": fixtures.Price(int(o.Total.Amount))}).MustBeProblem(t, http.StatusConflict, "refund_exceeds_payment")
	s.refund(t, admin, o.ID, uuid.NewString(), map[string]any{"lines": lines(2), "shipping": true}).MustBe(t, http.StatusCreated).Into(t, &refunds[1])
	s.awaitPayment(t, customer, o.ID, "refunded", func(p payment.Payment) bool { return p.Status == payment.Refunded })
	if sum := refunds[0].Amount.Amount + refunds[1].Amount.Amount; sum != o.Total.Amount {
		t.Errorf("%d are refunded, want %d", sum, o.Total.Amount)
	}
	s.refund(t, admin, o.ID, uuid.NewString(), map[string]any{"lines": lines(1)}).MustBeProblem(t, http.StatusConflict, "payment_not_refundable")
	s.requireCreditNotes(t, customer, o, refunds)
	// Three of the units are sold; one of them is for sale again.
	eventually(t, "98 of 100 are in stock", func() bool { return s.mustGetProduct(t, cup.ID).Available == 98 })
	s.requireStock(t, cup, 98)
}

// requireCreditNotes requires an invoice of the order's total, and a credit note of each refund's amount.
func (s *system) requireCreditNotes(t *testing.T, customer string, o order.Order, refunds [2]payment.Refund) {
	t.Helper()
	want := []int64{o.Total.Amount, refunds[0].Amount.Amount, refunds[1].Amount.Amount}
	slices.Sort(want)
	eventually(t, "there are an invoice and a credit note of each refund", func() bool {
		var page api.Page[invoice.Document]
		s.do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders/" + o.ID.String() + "/invoices", Token: customer}).MustBe(t, http.StatusOK).Into(t, &page)
		var got []int64
		for _, document := range page.Items {
			got = append(got, max(document.Total.Amount, -document.Total.Amount))
		}
		slices.Sort(got)
		return slices.Equal(got, want)
	})
}

// requireStock requires that the stock of a product stays as it is when all events are handled: the
// audit finds no pending ones.
func (s *system) requireStock(t *testing.T, p product.Product, want int64) {
	t.Helper()
	eventually(t, "the audit finds nothing", func() bool {
		s.sweep(t)
		return s.audit(t, "--grace", "0s").OK
	})
	if got := s.mustGetProduct(t, p.ID).Available; got != want {
		t.Errorf("%d are in stock, want %d", got, want)
	}
}
