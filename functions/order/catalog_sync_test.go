package order_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
	"souk/shared/money"
)

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

// A product of a currency that has been withdrawn since still changes in its other
// fields, and is sold as before.
func TestSyncCatalogOfAWithdrawnCurrency(t *testing.T) {
	t.Parallel()
	d := open(t)
	id := uuid.New()
	d.Deliver(t, "catalog-sync", functiontest.NewEvent(t, "product-changed", map[string]any{
		"productId": id, "sku": "SKU", "name": "Cup", "status": "active", "version": 1, "price": map[string]any{"amount": 500, "currency": "HRK"},
	})).MustBe(t, http.StatusNoContent)
	o := d.mustPlace(t, d.customer(t), line(id, 2))
	if want := (money.Money{Amount: 1000, Currency: "HRK"}); o.Total != want {
		t.Errorf("the total is %v, want %v", o.Total, want)
	}
}
