package audit_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/function/functiontest"
)

// mustDiscount creates a discount of 10 %, and places two orders with it, of which the second is
// cancelled.
func (s *shop) mustDiscount(t *testing.T, product uuid.UUID) (discount, discounted uuid.UUID) {
	t.Helper()
	server := s.services["order"]
	server.Do(t, functiontest.Request{Method: http.MethodPatch, Path: "/v1/settings", Token: s.admin,
		Header: map[string]string{"If-Match": "*"}, Body: fixtures.Object{"currency": "EUR"}}).MustBe(t, http.StatusOK)
	var d order.Discount
	server.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/discounts", Token: s.admin,
		Body: fixtures.Object{"name": "Audit", "code": "AUDIT", "kind": "percentage", "rate": 100_000}}).MustBe(t, http.StatusCreated).Into(t, &d)
	var orders [2]order.Order
	for i := range orders {
		body := fixtures.Order(fixtures.Item(product, 1))
		body["discountCodes"] = []string{"audit"}
		server.Do(t, fixtures.PlaceOrder(s.customer, body)).MustBe(t, http.StatusCreated).Into(t, &orders[i])
	}
	s.mustCancel(t, orders[1].ID)
	s.deliver(t)
	return d.ID, orders[0].ID
}

// discountDamages are wrong numbers of uses, and quotes that do not add up.
func (s *shop) discountDamages(discount, discounted uuid.UUID) map[string]damage {
	all := map[string]damage{}
	for name, change := range map[string]string{
		"a use of a discount that no order has": `UPDATE discount SET uses = uses + 1 WHERE id = ?`,
		"a use of a discount that is lost":      `UPDATE discount_use SET discount_id = UNHEX(REPEAT('00', 16)) WHERE discount_id = ?`,
	} {
		mend := do(`UPDATE discount SET uses = 1 WHERE id = ?`, discount[:])
		if name == "a use of a discount that is lost" {
			mend = do(`UPDATE discount_use SET discount_id = ? WHERE discount_id = UNHEX(REPEAT('00', 16))`, discount[:])
		}
		all[name] = damage{"order", []statement{do(change, discount[:])}, []statement{mend}, []audit.Check{audit.DiscountUses}, discount.String()}
	}
	for name, member := range map[string]string{"a total": "total", "a discount": "discount", "a subtotal": "subtotal"} {
		all["a quote with "+name+" that does not add up"] = damage{
			"order",
			[]statement{do(`UPDATE orders SET quote = JSON_REPLACE(quote, '$.`+member+`', JSON_EXTRACT(quote, '$.`+member+`') + 1) WHERE id = ?`, discounted[:])},
			[]statement{do(`UPDATE orders SET quote = JSON_REPLACE(quote, '$.`+member+`', JSON_EXTRACT(quote, '$.`+member+`') - 1) WHERE id = ?`, discounted[:])},
			[]audit.Check{audit.OrderTotal}, discounted.String(),
		}
	}
	all["a quote that cannot be read"] = damage{
		"order",
		[]statement{do(`UPDATE orders SET quote = CONCAT('x', quote) WHERE id = ?`, discounted[:])},
		[]statement{do(`UPDATE orders SET quote = SUBSTRING(quote, 2) WHERE id = ?`, discounted[:])},
		[]audit.Check{audit.OrderTotal, audit.DiscountUses}, discounted.String(),
	}
	return all
}
