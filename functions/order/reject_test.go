package order_test

import (
	"testing"

	"souk/functions/fixtures"
	"souk/functions/order"
)

func TestReject(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner := s.customer(t)
	o := s.mustPlace(t, owner, fixtures.Item(s.mustAddProduct(t, "Cup", 500), 1))
	s.mustDeliverStock(t, "stock-rejected", o.ID, "insufficient_stock")
	s.mustDeliverStock(t, "stock-reserved", o.ID, "")
	after := s.mustGet(t, owner.token, o.ID)
	if after.Status != order.Rejected || after.History[1].Reason != "insufficient_stock" || len(after.History) != 2 {
		t.Errorf("after the event: %+v", after)
	}
	if got := s.published(t, "order-rejected", o.ID); len(got) != 1 || got[0].Reason != "insufficient_stock" {
		t.Errorf("published %+v", got)
	}
}
