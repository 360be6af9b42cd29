package order_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/function/functiontest"
)

// TestGuestRetention checks that the orders of guests lose their personal data when GUEST_RETENTION
// has passed and they have ended, those of accounts and adopted ones do not, and that the order
// itself stays.
func TestGuestRetention(t *testing.T) {
	t.Parallel()
	s := open(t)
	cup := s.mustAddProduct(t, "Cup", 1000)
	admin := s.Tokens.Admin(t)
	place := func(email string) (order.Order, order.Checkout) {
		c := s.mustCreateCheckout(t, "", with(checkoutBody(fixtures.Item(cup, 1)), map[string]any{"email": email}))
		var o order.Order
		s.completeCheckout(t, c.Token, c).MustBe(t, http.StatusOK).Into(t, &o)
		return o, c
	}
	ended, guest := place("amira@example.com")
	open, _ := place("bela@example.com")
	abandoned := s.mustCreateCheckout(t, "", with(checkoutBody(fixtures.Item(cup, 1)), map[string]any{"email": "cleo@example.com"}))
	s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + ended.ID.String() + "/cancel", Token: guest.Token,
		Body: map[string]any{"reason": "Amira moves"}}).MustBe(t, http.StatusOK)
	account := s.customer(t)
	own := s.mustPlace(t, account, fixtures.Item(cup, 1))
	s.cancel(t, account.token, own.ID).MustBe(t, http.StatusOK)

	get := func(o order.Order) (stored order.Order) {
		t.Helper()
		s.Do(t, fixtures.GetOrder(admin, o.ID)).MustBe(t, http.StatusOK).Into(t, &stored)
		return stored
	}
	age := func(by time.Duration) {
		t.Helper()
		for _, statement := range []string{
			`UPDATE guest_order SET placed_at = TIMESTAMPADD(SECOND, ?, placed_at)`, `UPDATE checkout SET expires_at = TIMESTAMPADD(SECOND, ?, expires_at)`,
		} {
			if _, err := s.DB.ExecContext(t.Context(), statement, -int64(by.Seconds())); err != nil {
				t.Fatal(err)
			}
		}
		s.sweep(t)
	}
	age(3*365*24*time.Hour - 10*time.Minute)
	if got := get(ended); got.Email != "amira@example.com" || got.ShippingAddress == nil {
		t.Errorf("before GUEST_RETENTION the order is %+v", got)
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM checkout WHERE id = ?`, abandoned.ID[:]); n != 0 {
		t.Error("the abandoned checkout is stored after CHECKOUT_FOR")
	}
	age(20 * time.Minute)
	got := get(ended)
	if got.Email != "" || got.Name != "" || got.ShippingAddress != nil || got.BillingAddress != nil || got.UserID == ended.UserID {
		t.Errorf("after GUEST_RETENTION the order is %+v", got)
	}
	if got.Total != ended.Total || len(got.Items) != 1 || got.History[1].Reason != "by_customer" {
		t.Errorf("of the order remains %+v", got)
	}
	if got := get(open); got.Email != "bela@example.com" || got.ShippingAddress == nil {
		t.Errorf("an order that is open has lost its address: %+v", got)
	}
	if got := get(own); got.UserID != account.UserID {
		t.Errorf("an order of an account is %+v", got)
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM guest_order`); n != 1 {
		t.Errorf("%d records of guests, want that of the open order", n)
	}
	version := got.Version
	s.sweep(t)
	if got := get(ended); got.Version != version {
		t.Error("the next sweep changes the order again")
	}
}

// TestGuestRetentionOfMany checks that a sweep has several transactions.
func TestGuestRetentionOfMany(t *testing.T) {
	t.Parallel()
	s := open(t)
	const orders = 230
	for _, statement := range []string{
		`INSERT INTO orders (id, user_id, status, total_amount, total_currency, version, created_at, updated_at, email, contact_name)
		VALUES (UNHEX(LPAD(HEX(%[1]d), 32, '0')), UNHEX(LPAD(HEX(%[1]d), 32, 'A')), 'delivered', 1, 'EUR', 1, '2020-01-01', '2020-01-01', 'ada@example.com', 'Ada')`,
		`INSERT INTO guest_order (order_id, mailbox, placed_at) VALUES (UNHEX(LPAD(HEX(%[1]d), 32, '0')), UNHEX(LPAD('1', 32, '0')), '2020-01-01')`,
	} {
		for i := range orders {
			if _, err := s.DB.ExecContext(t.Context(), fmt.Sprintf(statement, i+1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.sweep(t)
	if n := s.mustCount(t, `SELECT COUNT(*) FROM orders WHERE email IS NULL AND contact_name IS NULL AND version = 2`); n != orders {
		t.Errorf("%d of %d orders are anonymized", n, orders)
	}
}
