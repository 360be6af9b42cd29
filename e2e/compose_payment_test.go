package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/payment"
)

// requirePayments has the functions that place orders require payments until the end of the test.
// Others of their service have the setting too, but do not read it.
func (c *compose) requirePayments(t testing.TB) {
	t.Helper()
	apply := func() {
		c.mustDocker(t, "compose", "up", "--detach", "--wait", "--no-deps", "order-place", "checkout-complete")
	}
	t.Cleanup(apply) // after PAYMENTS has its value of before
	t.Setenv("PAYMENTS", "on")
	apply()
}

// TestComposePayments requires that the payment provider's state survives a kill of its container,
// and that payments go on afterwards.
func TestComposePayments(t *testing.T) {
	s, c := openCompose(t)
	c.requirePayments(t)
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreateProduct(t, admin, customer, 10)
	var unpaid, paid order.Order
	s.place(t, customer, "", p.ID, 1).MustBe(t, http.StatusCreated).Into(t, &paid)
	s.pay(t, customer, paid.ID)
	s.place(t, customer, "", p.ID, 1).MustBe(t, http.StatusCreated).Into(t, &unpaid)
	s.awaitPayment(t, customer, unpaid.ID, "payable", func(p payment.Payment) bool { return p.NextAction != nil })
	c.mustDocker(t, "compose", "kill", "payment-provider")
	c.mustDocker(t, "compose", "up", "--detach", "--wait", "--no-deps", "payment-provider")
	s.pay(t, customer, unpaid.ID)
	s.do(t, fixtures.ChangeOrderStatus(admin, paid.ID, "ship")).MustBe(t, http.StatusOK)
	s.awaitPayment(t, customer, paid.ID, "captured", func(p payment.Payment) bool { return p.Status == payment.Captured })
	eventually(t, "the audit compares with the provider's list and finds nothing", func() bool {
		audit, cancel := s.command("audit", "--grace", "0s")
		defer cancel()
		printed, err := audit.CombinedOutput()
		return err == nil && !strings.Contains(string(printed), "NOT CHECKED")
	})
}
