package order_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/order"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

// contract is what every answer and event of these tests is held to.
var contract = functiontest.NewContract(functions.OpenAPI, functions.Events)

// desk is the order service under test.
type desk struct {
	*functiontest.Server
}

func open(t *testing.T) desk {
	t.Helper()
	return openWith(t, nil)
}

// customer is someone who places orders.
type customer struct {
	auth.Principal
	token string
}

func (d desk) customer(t *testing.T) customer {
	t.Helper()
	p, token := d.Tokens.Customer(t)
	return customer{Principal: p, token: token}
}

// mustKnow tells the service of a product and returns its id.
func (d desk) mustKnow(t *testing.T, name string, cents int) uuid.UUID {
	t.Helper()
	id := uuid.New()
	d.mustSync(t, id, 1, name, cents, "active")
	return id
}

func (d desk) mustSync(t *testing.T, id uuid.UUID, version int, name string, cents int, status string) {
	t.Helper()
	e := functiontest.NewEvent(t, "product-changed", map[string]any{
		"productId": id, "sku": "SKU", "name": name, "status": status, "version": version,
		"price": map[string]any{"amount": cents, "currency": "EUR"},
	})
	d.Deliver(t, "catalog-sync", e).MustBe(t, http.StatusNoContent)
}

// line is one item of the body that places an order.
func line(id uuid.UUID, quantity int) map[string]any {
	return map[string]any{"productId": id, "quantity": quantity}
}

func (d desk) place(t *testing.T, by customer, items ...map[string]any) functiontest.Response {
	t.Helper()
	return d.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: by.token, Body: map[string]any{"items": items}})
}

func (d desk) mustPlace(t *testing.T, by customer, items ...map[string]any) order.Order {
	t.Helper()
	var o order.Order
	d.place(t, by, items...).MustBe(t, http.StatusCreated).Into(t, &o)
	return o
}

func (d desk) mustGet(t *testing.T, token string, id uuid.UUID) order.Order {
	t.Helper()
	var o order.Order
	d.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/orders/" + id.String(), Token: token}).
		MustBe(t, http.StatusOK).Into(t, &o)
	return o
}

func (d desk) cancel(t *testing.T, token string, id uuid.UUID) functiontest.Response {
	t.Helper()
	return d.Do(t, functiontest.Request{Method: http.MethodPost, Path: fmt.Sprintf("/v1/orders/%s/cancel", id), Token: token})
}

// mustHear delivers what the product service says of an order.
func (d desk) mustHear(t *testing.T, eventType string, id uuid.UUID, reason string) {
	t.Helper()
	function := map[string]string{"stock-reserved": "order-confirm", "stock-rejected": "order-reject"}[eventType]
	payload := map[string]any{"orderId": id}
	if reason != "" {
		payload["productId"], payload["reason"] = uuid.New(), reason
	}
	e := functiontest.NewEvent(t, eventType, payload)
	d.Deliver(t, function, e).MustBe(t, http.StatusNoContent)
}

// told returns the events of a type that were published about an order.
func (d desk) told(t *testing.T, eventType string, id uuid.UUID) []order.Decided {
	t.Helper()
	told := []order.Decided{}
	for _, e := range d.Topics.Of(eventType) {
		var decided order.Decided
		if err := json.Unmarshal(e.Payload, &decided); err != nil {
			t.Fatal(err)
		}
		if decided.OrderID == id {
			told = append(told, decided)
		}
	}
	return told
}

func TestMoves(t *testing.T) {
	t.Parallel()
	all := []order.Status{order.Pending, order.Confirmed, order.Shipped, order.Delivered, order.Rejected, order.Cancelled}
	allowed := map[[2]order.Status]bool{
		{order.Pending, order.Confirmed}: true, {order.Pending, order.Rejected}: true, {order.Pending, order.Cancelled}: true,
		{order.Confirmed, order.Shipped}: true, {order.Confirmed, order.Cancelled}: true,
		{order.Shipped, order.Delivered}: true,
	}
	for _, from := range all {
		for _, to := range all {
			if got, want := from.May(to), allowed[[2]order.Status{from, to}]; got != want {
				t.Errorf("%s may become %s: %t, want %t", from, to, got, want)
			}
		}
	}
}
