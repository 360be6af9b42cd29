package order_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

// contract checks every response and event of these tests.
var contract = functiontest.NewContract(functions.OpenAPI, functions.Events)

// testService is the order service under test.
type testService struct {
	*functiontest.Server
}

func open(t *testing.T) testService {
	t.Helper()
	return openWith(t, nil)
}

// customer is a customer and an access token.
type customer struct {
	auth.Principal
	token string
}

func (s testService) customer(t *testing.T) customer {
	t.Helper()
	p, token := s.Tokens.Customer(t)
	return customer{Principal: p, token: token}
}

// mustAddProduct adds an active product to the catalogue and returns its id.
func (s testService) mustAddProduct(t *testing.T, name string, cents int) uuid.UUID {
	t.Helper()
	id := uuid.New()
	s.mustSync(t, id, 1, name, cents, "active")
	return id
}

// mustSync delivers a product-changed event.
func (s testService) mustSync(t *testing.T, id uuid.UUID, version int, name string, cents int, status string) {
	t.Helper()
	changed := fixtures.ProductChanged(id, version, name, fixtures.Price(cents))
	changed["status"] = status
	s.Deliver(t, "catalog-sync", functiontest.NewEvent(t, "product-changed", changed)).MustBe(t, http.StatusNoContent)
}

func (s testService) place(t *testing.T, by customer, items ...map[string]any) functiontest.Response {
	t.Helper()
	return s.Do(t, fixtures.PlaceOrder(by.token, fixtures.Order(items...)))
}

func (s testService) mustPlace(t *testing.T, by customer, items ...map[string]any) order.Order {
	t.Helper()
	var o order.Order
	s.place(t, by, items...).MustBe(t, http.StatusCreated).Into(t, &o)
	return o
}

func (s testService) mustGet(t *testing.T, token string, id uuid.UUID) order.Order {
	t.Helper()
	var o order.Order
	s.Do(t, fixtures.GetOrder(token, id)).MustBe(t, http.StatusOK).Into(t, &o)
	return o
}

func (s testService) cancel(t *testing.T, token string, id uuid.UUID) functiontest.Response {
	t.Helper()
	return s.Do(t, fixtures.ChangeOrderStatus(token, id, "cancel"))
}

// requestStatus requests ship or deliver.
func (s testService) requestStatus(t *testing.T, token, operation string, id uuid.UUID) functiontest.Response {
	t.Helper()
	return s.Do(t, fixtures.ChangeOrderStatus(token, id, operation))
}

// mustConfirm places an order of one unit and delivers stock-reserved for it.
func (s testService) mustConfirm(t *testing.T, by customer, product uuid.UUID) order.Order {
	t.Helper()
	o := s.mustPlace(t, by, fixtures.Item(product, 1))
	s.mustDeliverStock(t, "stock-reserved", o.ID, "")
	return o
}

// mustDeliverStock delivers a stock-reserved or stock-rejected event of an order.
func (s testService) mustDeliverStock(t *testing.T, eventType string, id uuid.UUID, reason string) {
	t.Helper()
	function, payload := "order-confirm", fixtures.StockReserved(id)
	if eventType == "stock-rejected" {
		function, payload = "order-reject", fixtures.StockRejected(id, reason)
	}
	e := functiontest.NewEvent(t, eventType, payload)
	s.Deliver(t, function, e).MustBe(t, http.StatusNoContent)
}

// published returns the events of a type that were published for an order.
func (s testService) published(t *testing.T, eventType string, id uuid.UUID) []order.StatusChanged {
	t.Helper()
	events := []order.StatusChanged{}
	for _, e := range s.Published.Events(eventType) {
		var changed order.StatusChanged
		if err := json.Unmarshal(e.Payload, &changed); err != nil {
			t.Fatal(err)
		}
		if changed.OrderID == id {
			events = append(events, changed)
		}
	}
	return events
}

func TestTransitions(t *testing.T) {
	t.Parallel()
	all := []order.Status{order.Pending, order.AwaitingPayment, order.Confirmed, order.PartiallyShipped, order.Shipped, order.Delivered, order.Rejected, order.Cancelled}
	allowed := map[[2]order.Status]bool{
		{order.Pending, order.Confirmed}: true, {order.Pending, order.Rejected}: true, {order.Pending, order.Cancelled}: true,
		{order.Pending, order.AwaitingPayment}: true, {order.AwaitingPayment, order.Confirmed}: true, {order.AwaitingPayment, order.Cancelled}: true,
		{order.Confirmed, order.Shipped}: true, {order.Confirmed, order.Cancelled}: true,
		{order.Confirmed, order.PartiallyShipped}: true, {order.PartiallyShipped, order.PartiallyShipped}: true, {order.PartiallyShipped, order.Shipped}: true,
		{order.Shipped, order.Delivered}: true,
	}
	for _, from := range all {
		for _, to := range all {
			if got, want := from.CanTransitionTo(to), allowed[[2]order.Status{from, to}]; got != want {
				t.Errorf("%s can transition to %s: %t, want %t", from, to, got, want)
			}
		}
	}
}
