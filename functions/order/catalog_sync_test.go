package order_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
	"souk/shared/money"
)

func TestSyncCatalog(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner := s.customer(t)
	id := s.mustAddProduct(t, "Cup", 500)
	s.mustSync(t, id, 3, "Large cup", 700, "active")
	s.mustSync(t, id, 2, "Small cup", 300, "archived") // arrives late
	o := s.mustPlace(t, owner, fixtures.Item(id, 1))
	if got := o.Items[0]; got.Name != "Large cup" || got.UnitPrice.Amount != 700 {
		t.Errorf("ordered %+v, want the newest version", got)
	}
}

// The other fields of a product whose currency was withdrawn can still change, and it can
// still be ordered.
func TestSyncCatalogWithdrawnCurrency(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := uuid.New()
	s.Deliver(t, "catalog-sync", functiontest.NewEvent(t, "product-changed", map[string]any{
		"productId": id, "sku": "SKU", "name": "Cup", "status": "active", "version": 1, "price": map[string]any{"amount": 500, "currency": "HRK"},
	})).MustBe(t, http.StatusNoContent)
	o := s.mustPlace(t, s.customer(t), fixtures.Item(id, 2))
	if want := (money.Money{Amount: 1000, Currency: "HRK"}); o.Total != want {
		t.Errorf("the total is %v, want %v", o.Total, want)
	}
}
