package e2e_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/function/functiontest"
)

// guestRetained are the only columns that may have data of a guest after GUEST_RETENTION.
// docs/operations.md has the same list.
var guestRetained = []string{"payment.invoice.document", "payment.invoice.pdf"}

// mustCreateGuest creates a checkout with all data that a guest can enter, and returns the guest, whose
// id is that of the checkout.
func (s *system) mustCreateGuest(t *testing.T, product uuid.UUID, quantity int) (*person, order.Checkout) {
	t.Helper()
	mark := uuid.NewString()[:8]
	p := &person{
		email: "guest-" + mark + "@example.com", name: "Swift Featherly " + mark, street: "9 Nest Walk " + mark, reason: "flown south " + mark,
		company: "Nest Trading " + mark, region: "Swift Islands " + mark, phone: "+4988" + strings.Repeat("7", 9),
	}
	s.canaries.plant(p.name, p.street, p.reason, p.company, p.region)
	var c order.Checkout
	s.post(t, "/v1/checkouts", map[string]any{
		"items": []any{fixtures.Item(product, quantity)}, "email": p.email, "name": p.name,
		"shippingAddress": p.address(), "billingAddress": p.address(),
	}).MustBe(t, http.StatusCreated).Into(t, &c)
	p.id, p.token = c.ID, c.Token
	return p, c
}

// complete completes a checkout and returns the order.
func (s *system) complete(t *testing.T, c order.Checkout) (o order.Order) {
	t.Helper()
	s.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/checkouts/" + c.ID.String() + "/complete", Token: c.Token,
		Header: map[string]string{"Idempotency-Key": uuid.NewString()}, Body: map[string]any{"version": c.Version, "total": c.Total}}).
		MustBe(t, http.StatusOK).Into(t, &o)
	return o
}

// TestGuestErasure stores data of guests by every operation that they can use, and searches every
// column of every table for them after the time for which it may be stored.
func TestGuestErasure(t *testing.T) {
	parallel(t)
	s := startSystem(t, paymentsOn)
	admin, customer := s.admin(t), s.customer(t)
	cup := s.mustCreateProduct(t, admin, customer, 50)
	buyer, paid := s.mustCreateGuest(t, cup.ID, 2)
	o := s.complete(t, paid)
	s.payShipAndRefund(t, admin, buyer.token, o.ID)
	s.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + o.ID.String() + "/refunds", Token: admin,
		Header: map[string]string{"Idempotency-Key": uuid.NewString()},
		Body:   map[string]any{"amount": fixtures.Price(1), "reason": "requested by " + buyer.name}}).MustBe(t, http.StatusCreated)
	canceller, cancelled := s.mustCreateGuest(t, cup.ID, 1)
	s.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + s.complete(t, cancelled).ID.String() + "/cancel", Token: canceller.token,
		Body: map[string]any{"reason": canceller.reason}}).MustBe(t, http.StatusOK)
	visitor, _ := s.mustCreateGuest(t, cup.ID, 1) // completes nothing
	for column, p := range map[string]*person{
		"order.orders.email": buyer, "order.orders.billing_address": buyer, "payment.order_copy.shipping_address": buyer, "payment.refund.reason": buyer,
		"payment.invoice.document": buyer, "order.order_history.reason": canceller, "order.checkout.content": visitor,
	} {
		eventually(t, "the guest is in "+column+", or else this test checks nothing", func() bool { return s.findTraces(t, p)[column] != "" })
	}

	s.skipUnlessOwned(t)
	eventually(t, "after GUEST_RETENTION only invoices have data of the guests", func() bool {
		s.expireRetention(t)
		s.expireGuests(t)
		s.sweep(t)
		found := map[string]string{}
		for _, p := range []*person{buyer, canceller, visitor} {
			maps.Copy(found, s.findTraces(t, p))
		}
		maps.DeleteFunc(found, func(column, _ string) bool { return slices.Contains(guestRetained, column) })
		if len(found) > 0 {
			t.Log("found", found)
		}
		return len(found) == 0
	})
}

// expireGuests moves the times of rows about guests into the past, by more than they are stored.
func (s *system) expireGuests(t *testing.T) {
	t.Helper()
	for _, statement := range []string{
		`UPDATE guest_order SET placed_at = placed_at - INTERVAL 1096 DAY`, `UPDATE checkout SET expires_at = expires_at - INTERVAL 3 DAY`,
		`UPDATE unpaid_order SET placed_at = placed_at - INTERVAL 3 DAY`, `UPDATE order_source SET used_at = used_at - INTERVAL 3 DAY`,
		`UPDATE network_limit SET full_at = full_at - INTERVAL 3 DAY`,
	} {
		s.mustExec(t, "order", statement)
	}
	s.mustExec(t, "payment", `UPDATE order_copy SET guest_until = guest_until - INTERVAL 1096 DAY`)
	s.mustExec(t, "payment", `UPDATE payment_source SET created_at = created_at - INTERVAL 3 DAY`)
	s.mustExec(t, "product", `UPDATE unpaid_item SET reserved_at = reserved_at - INTERVAL 8 DAY`)
	for _, service := range functions.Manifest().Services() {
		s.mustExec(t, service, `UPDATE idempotency_key SET expires_at = expires_at - INTERVAL 3 DAY`)
	}
}
