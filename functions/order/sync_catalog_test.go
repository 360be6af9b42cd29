package order_test

import "testing"

func TestSyncCatalog(t *testing.T) {
	t.Parallel()
	d := open(t)
	owner := d.customer(t)
	id := d.mustKnow(t, "Cup", 500)
	d.mustSync(t, id, 3, "Large cup", 700, "active")
	d.mustSync(t, id, 2, "Small cup", 300, "archived") // came late
	o := d.mustPlace(t, owner, line(id, 1))
	if got := o.Items[0]; got.Name != "Large cup" || got.UnitPrice.Amount != 700 {
		t.Errorf("ordered %+v, want the newest version", got)
	}
}
