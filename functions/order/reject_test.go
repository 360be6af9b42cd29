package order_test

import (
	"testing"

	"souk/functions/order"
)

func TestReject(t *testing.T) {
	t.Parallel()
	d := open(t)
	owner := d.customer(t)
	o := d.mustPlace(t, owner, line(d.mustKnow(t, "Cup", 500), 1))
	d.mustHear(t, "stock-rejected", o.ID, "insufficient_stock")
	d.mustHear(t, "stock-reserved", o.ID, "")
	after := d.mustGet(t, owner.token, o.ID)
	if after.Status != order.Rejected || after.History[1].Reason != "insufficient_stock" || len(after.History) != 2 {
		t.Errorf("after the event: %+v", after)
	}
	if got := d.told(t, "order-rejected", o.ID); len(got) != 1 || got[0].Reason != "insufficient_stock" {
		t.Errorf("order-rejected was told %+v", got)
	}
}
