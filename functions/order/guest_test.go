package order_test

import (
	"net/http"
	"testing"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/emailaddress"
	"souk/shared/function/functiontest"
)

// TestGuestBecomesCustomer requires that an account gets the guest's orders with its confirmed
// address, and the uses of discounts with them, and that nothing remains of both after its deletion.
func TestGuestBecomesCustomer(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	cup := s.mustAddProduct(t, "Cup", 1000)
	d := s.mustCreateDiscount(t, tenPercent("ONCE"))
	body := with(checkoutBody(fixtures.Item(cup, 1)), map[string]any{"discountCodes": []any{"ONCE"}})
	c := s.mustCreateCheckout(t, "", body)
	var o order.Order
	s.completeCheckout(t, c.Token, c).MustBe(t, http.StatusOK).Into(t, &o)
	s.changeDiscount(t, http.MethodPatch, d.ID, map[string]any{"maxUsesPerCustomer": 1}).MustBe(t, http.StatusOK)
	account := s.customer(t)
	read := fixtures.GetOrder(s.Tokens.Admin(t), o.ID)
	before := s.Do(t, read).MustBe(t, http.StatusOK).Header.Get("ETag")
	event := functiontest.NewEvent(t, "email-confirmed", map[string]any{"userId": account.UserID, "emailId": emailaddress.ID("amira@example.com")})
	for range 2 {
		s.Deliver(t, "order-adopt", event).MustBe(t, http.StatusNoContent)
	}
	read.Header = map[string]string{"If-None-Match": before}
	s.Do(t, read).MustBe(t, http.StatusOK) // the customer is another one
	s.Do(t, fixtures.GetOrder(c.Token, o.ID)).MustBeProblem(t, http.StatusNotFound, "order_not_found")
	s.completeCheckout(t, c.Token, c).MustBeProblem(t, http.StatusNotFound, "order_not_found")
	if adopted := s.mustGet(t, account.token, o.ID); adopted.UserID != account.UserID || adopted.Email != "" || adopted.Total != o.Total {
		t.Errorf("the account has the order %+v", adopted)
	}
	s.placeBody(t, account, withCode(cup, "ONCE")).MustBeProblem(t, http.StatusConflict, "discount_code_used_up_by_customer")

	s.mustDeleteUser(t, account.UserID)
	s.requireErased(t, account.UserID)
	mailbox := emailaddress.ID("amira@example.com")
	for _, query := range []string{
		`SELECT COUNT(*) FROM orders WHERE email IS NOT NULL OR contact_name IS NOT NULL OR shipping_address IS NOT NULL OR billing_address IS NOT NULL`,
		`SELECT COUNT(*) FROM guest_order`,
	} {
		if n := s.mustCount(t, query); n != 0 {
			t.Errorf("%s finds %d rows", query, n)
		}
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM discount_use WHERE customer_id IN (?, ?)`, mailbox[:], account.UserID[:]); n != 0 {
		t.Errorf("%d uses of discounts of the deleted customer remain", n)
	}
}

// TestGuestAddressRevealsNothing requires that no response to a guest depends on what was ordered with the
// e-mail address, for each kind of discount with a limit by customer.
func TestGuestAddressRevealsNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
	cup := s.mustAddProduct(t, "Cup", 1000)
	coded := s.mustCreateDiscount(t, tenPercent("ONCE"))
	automatic := s.mustCreateDiscount(t, map[string]any{"name": "First order", "kind": "amount", "amount": fixtures.Price(100)})
	body := func(email string, codes ...any) map[string]any {
		return with(checkoutBody(fixtures.Item(cup, 1)), map[string]any{"email": email, "discountCodes": append([]any{}, codes...)})
	}
	used := s.mustCreateCheckout(t, "", body("amira@example.com", "ONCE"))
	s.completeCheckout(t, used.Token, used).MustBe(t, http.StatusOK)
	for _, d := range []order.Discount{coded, automatic} {
		s.changeDiscount(t, http.MethodPatch, d.ID, map[string]any{"maxUsesPerCustomer": 1}).MustBe(t, http.StatusOK)
	}
	for _, email := range []string{"amira@example.com", "other@example.com"} {
		c := s.mustCreateCheckout(t, "", body(email, "ONCE"))
		if got := jsonText(t, problemCodes(c)); got != `["discountCodes[0] discount_code_account_required"]` || c.Total.Amount != 1000 {
			t.Errorf("%s: the problems are %s and the total %v", email, got, c.Total)
		}
		s.completeCheckout(t, c.Token, c).MustBeProblem(t, http.StatusConflict, "discount_code_account_required")
		plain := s.mustCreateCheckout(t, "", body(email))
		var o order.Order
		if s.completeCheckout(t, plain.Token, plain).MustBe(t, http.StatusOK).Into(t, &o); o.Total.Amount != 1000 {
			t.Errorf("%s: the total is %v", email, o.Total)
		}
	}
	if o := s.mustPlaceBody(t, s.customer(t), withCode(cup, "ONCE")); o.Total.Amount != 810 {
		t.Errorf("the total of an account is %v", o.Total)
	}
}
