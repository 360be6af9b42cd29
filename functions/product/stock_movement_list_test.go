package product_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/product"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

// mustListMovements lists the stock movements of a product in pages of a size.
func (s shop) mustListMovements(t *testing.T, id uuid.UUID, size string) (all []product.StockMovement) {
	t.Helper()
	token := ""
	for range 100 {
		var page api.Page[product.StockMovement]
		s.Do(t, functiontest.Request{
			Method: http.MethodGet, Path: "/v1/products/" + id.String() + "/stock-movements?pageSize=" + size + "&pageToken=" + token, Token: s.admin,
		}).MustBe(t, http.StatusOK).Into(t, &page)
		all = append(all, page.Items...)
		if token = page.NextPageToken; token == "" {
			return all
		}
	}
	t.Fatal("the pages do not end")
	return nil
}

// TestListStockMovements changes the stock in every way. The movements are listed once, newest
// first, and their sum is what is available.
func TestListStockMovements(t *testing.T) {
	t.Parallel()
	s := open(t)
	p, other := s.mustCreate(t, fixtures.Product("MOVED", 10)), s.mustCreate(t, fixtures.Product("OTHER", 10))
	newOrder := func(items ...map[string]any) uuid.UUID {
		id := uuid.Must(uuid.NewV7())
		s.mustReserve(t, placedEvent(t, id, items...))
		return id
	}
	reserved := newOrder(item(p, 3), item(other, 1))
	cancelled := newOrder(item(p, 2))
	s.Deliver(t, "stock-release", functiontest.NewEvent(t, "order-cancelled", fixtures.OrderCancelled(cancelled))).MustBe(t, http.StatusNoContent)
	newOrder(item(p, 30)) // rejected
	s.mustChangeStock(t, shipmentEvent(t, reserved, p.ID, 1))
	s.adjust(t, p.ID, 5).MustBe(t, http.StatusOK)
	s.mustImport(t, ndjson, `{"sku":"MOVED","stockDelta":-1}`)

	movements := s.mustListMovements(t, p.ID, "100")
	type movement struct {
		Kind   product.MovementKind
		Delta  int64
		Reason string
		Order  uuid.UUID
		HasWho bool
		Units  int64
	}
	var got []movement
	var sum int64
	for _, m := range movements {
		sum += m.Delta
		row := movement{m.Kind, m.Delta, m.Reason, uuid.Nil, m.UserID != nil, m.Reserved}
		if m.OrderID != nil {
			row.Order = *m.OrderID
		}
		if m.At.IsZero() || (m.Kind == product.ImportMovement) != (m.ImportID != nil && m.ImportLine == 1) {
			t.Errorf("got %+v", m)
		}
		got = append(got, row)
	}
	want := []movement{
		{product.ImportMovement, -1, "import", uuid.Nil, true, 0},
		{product.AdjustmentMovement, 5, "count", uuid.Nil, true, 0},
		{product.OrderMovement, 0, "released", cancelled, false, 0},
		{product.OrderMovement, -3, "reserved", reserved, false, 2},
		{product.AdjustmentMovement, 10, "first stock", uuid.Nil, true, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("movements (-want +got):\n%s", diff)
	}
	if available := s.mustGet(t, p.ID).Available; sum != available {
		t.Errorf("the sum is %d, but %d are available", sum, available)
	}
	for _, size := range []string{"1", "2", "3"} {
		if diff := cmp.Diff(movements, s.mustListMovements(t, p.ID, size)); diff != "" {
			t.Errorf("in pages of %s (-want +got):\n%s", size, diff)
		}
	}
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/" + uuid.NewString() + "/stock-movements", Token: s.admin}).
		MustBeProblem(t, http.StatusNotFound, "product_not_found")
}
