package e2e_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	emulator "souk/emulators/payment"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/payment"
	"souk/shared/function/functiontest"
)

// paymentsOn is the flag of souk up with which new orders must be paid.
const paymentsOn = "--payments=on"

// getPayment returns a response with the payment of an order.
func (s *system) getPayment(t testing.TB, token string, id uuid.UUID) functiontest.Response {
	t.Helper()
	return s.do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders/" + id.String() + "/payment", Token: token})
}

// awaitPayment waits until the payment of an order is as wanted, and returns it.
func (s *system) awaitPayment(t testing.TB, token string, id uuid.UUID, what string, wanted func(payment.Payment) bool) (p payment.Payment) {
	t.Helper()
	eventually(t, "the payment is "+what, func() bool {
		response := s.getPayment(t, token, id)
		if response.Status != http.StatusOK {
			return false
		}
		response.Into(t, &p)
		return wanted(p)
	})
	return p
}

// pay pays an order on the provider's page with an approved card, and waits until the order is
// confirmed.
func (s *system) pay(t testing.TB, token string, id uuid.UUID) {
	t.Helper()
	p := s.awaitPayment(t, token, id, "payable", func(p payment.Payment) bool { return p.NextAction != nil })
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	form := url.Values{"number": {emulator.CardApproved}, "expiry": {"12/40"}, "cvc": {"123"}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.NextAction.URL, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(response.Body.Close()); err != nil || response.StatusCode != http.StatusSeeOther {
		t.Fatalf("the page responded with %s, %v", response.Status, err)
	}
	eventually(t, "the order is confirmed", func() bool {
		var o order.Order
		s.do(t, fixtures.GetOrder(token, id)).MustBe(t, http.StatusOK).Into(t, &o)
		return o.Status == order.Confirmed
	})
}

// payShipAndRefund takes an order from its placement to the refund of a part.
func (s *system) payShipAndRefund(t testing.TB, admin, customer string, id uuid.UUID) {
	t.Helper()
	s.pay(t, customer, id)
	s.do(t, fixtures.ChangeOrderStatus(admin, id, "ship")).MustBe(t, http.StatusOK)
	p := s.awaitPayment(t, customer, id, "captured", func(p payment.Payment) bool { return p.Status == payment.Captured })
	s.do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/orders/" + id.String() + "/refunds", Token: admin,
		Header: map[string]string{"Idempotency-Key": uuid.NewString()},
		Body:   map[string]any{"amount": fixtures.Price(int(p.Amount.Amount / 2))},
	}).MustBe(t, http.StatusCreated)
	s.awaitPayment(t, customer, id, "refunded in part", func(p payment.Payment) bool { return p.Status == payment.PartiallyRefunded })
	s.do(t, fixtures.ChangeOrderStatus(admin, id, "deliver")).MustBe(t, http.StatusOK)
}

// checkOut completes the checkout of a guest, and returns the order's id and the guest's token.
func (s *system) checkOut(t testing.TB, email string, product uuid.UUID) (id uuid.UUID, token string) {
	t.Helper()
	var c order.Checkout
	s.post(t, "/v1/checkouts", map[string]any{"items": []any{fixtures.Item(product, 1)}}).MustBe(t, http.StatusCreated).Into(t, &c)
	token = c.Token
	path := "/v1/checkouts/" + c.ID.String()
	s.do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: token}).MustBe(t, http.StatusOK)
	s.do(t, functiontest.Request{Method: http.MethodPatch, Path: path, Token: token,
		Header: map[string]string{"If-Match": `"1"`}, Body: map[string]any{"email": email, "name": "Amira"}}).MustBe(t, http.StatusOK).Into(t, &c)
	var completed order.Order
	s.do(t, functiontest.Request{Method: http.MethodPost, Path: path + "/complete", Token: token,
		Header: map[string]string{"Idempotency-Key": uuid.NewString()},
		Body:   map[string]any{"version": c.Version, "total": c.Total}}).MustBe(t, http.StatusOK).Into(t, &completed)
	return completed.ID, token
}

// TestPay takes orders of a customer and of a guest through the whole system.
func TestPay(t *testing.T) {
	parallel(t)
	s := startSystem(t, paymentsOn)
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreateProduct(t, admin, customer, 10)
	t.Run("an order is paid, shipped and refunded in part", func(t *testing.T) {
		var o order.Order
		s.place(t, customer, "", p.ID, 2).MustBe(t, http.StatusCreated).Into(t, &o)
		s.payShipAndRefund(t, admin, customer, o.ID)
	})
	t.Run("a guest's order is paid", func(t *testing.T) {
		id, token := s.checkOut(t, uuid.NewString()+"@example.com", p.ID)
		s.pay(t, token, id)
	})
	t.Run("a cancelled order's payment is voided", func(t *testing.T) {
		var o order.Order
		s.place(t, customer, "", p.ID, 1).MustBe(t, http.StatusCreated).Into(t, &o)
		s.pay(t, customer, o.ID)
		s.do(t, fixtures.ChangeOrderStatus(customer, o.ID, "cancel")).MustBe(t, http.StatusOK)
		s.awaitPayment(t, customer, o.ID, "voided", func(p payment.Payment) bool { return p.Status == payment.Voided })
	})
	t.Run("the audit finds the same at the provider", func(t *testing.T) {
		var report auditReport
		eventually(t, "the audit finds nothing", func() bool {
			s.sweep(t)
			report = s.audit(t, "--grace", "0s")
			return report.OK
		})
		shared := containers != nil // with the payments of other tests
		if !report.Provider.Checked || report.Provider.Payments < 3 || report.Provider.Payments > 3 && !shared || len(report.Money) != 1 || report.Money[0].Provider <= 0 {
			t.Errorf("the audit has compared %+v and %+v, want three payments", report.Provider, report.Money)
		}
	})
}
