package webhook_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions/webhook"
	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/function/functiontest"
)

// TestFanout checks to which endpoints an event is sent, once however often it is delivered, and that
// its payload has no personal data.
func TestFanout(t *testing.T) {
	t.Parallel()
	f, r := open(t, nil), newReceiver(t)
	order := uuid.New()
	confirmed := functiontest.NewEvent(t, "order-confirmed", map[string]any{
		"orderId": order, "userId": uuid.New(), "items": []any{}, "total": map[string]any{"amount": 1, "currency": "EUR"}, "email": "amira@example.com", "name": "Amira",
	})
	confirmed.AggregateID = order
	f.mustFanout(t, confirmed) // no endpoint exists
	all, orders, products := f.mustCreate(t, r.url, "*"), f.mustCreate(t, r.url, "order.shipped", "order.confirmed"), f.mustCreate(t, r.url, "product.changed")
	for range 3 {
		f.mustFanout(t, confirmed)
	}
	for id, want := range map[uuid.UUID]int{all.ID: 1, orders.ID: 1, products.ID: 0} {
		page := get[api.Page[webhook.Delivery]](t, f, path(id)+"/deliveries")
		if len(page.Items) != want {
			t.Errorf("endpoint %s has %+v, want %d", id, page.Items, want)
		}
	}
	if due := f.Published.Events("webhook-due"); len(due) != 2 {
		t.Errorf("%d endpoints are due, want 2", len(due))
	}
	payload, err := database.Get(t.Context(), f.DB, database.ScanColumn[string], `SELECT payload FROM delivery LIMIT 1`)
	want := `{"id":"` + confirmed.ID.String() + `","type":"order.confirmed","version":1,"timestamp":"` + confirmed.Time.UTC().Format("2006-01-02T15:04:05.999999999Z07:00") + `","data":{"orderId":"` + order.String() + `"}}`
	if err != nil || payload != want {
		t.Errorf("the payload is %s, %v, want %s", payload, err, want)
	}
	f.DeliverUnchecked(t, "webhook-fanout", functiontest.NewEvent(t, "order-lost", map[string]any{})).MustBe(t, http.StatusInternalServerError)
}

// TestStockLow checks the payload of stock.low, also of a product without any units.
func TestStockLow(t *testing.T) {
	t.Parallel()
	f, r := open(t, nil), newReceiver(t)
	f.mustCreate(t, r.url, "stock.low")
	product := uuid.New()
	f.mustFanout(t, functiontest.NewEvent(t, "stock-low", map[string]any{"productId": product, "sku": "TEA", "name": "Assam", "available": 0, "lowStockAt": 5}))
	payload, err := database.Get(t.Context(), f.DB, database.ScanColumn[string], `SELECT payload FROM delivery WHERE type = 'stock.low'`)
	if want := `"data":{"productId":"` + product.String() + `","available":0,"lowStockAt":5}}`; err != nil || !strings.HasSuffix(payload, want) {
		t.Errorf("the payload is %s, %v, want the end %s", payload, err, want)
	}
}
