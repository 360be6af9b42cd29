package functions_test

import (
	"cmp"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

// sampleProduct is the product of orders whose requests name their lines.
var sampleProduct = uuid.MustParse("0199c0de-0000-7000-8000-00000000f00d")

// createOrderOfSample returns a function that places an order of two units of sampleProduct, and
// advances it by steps: see createOrder.
func createOrderOfSample(steps ...string) func(testing.TB, *functiontest.Server, account) uuid.UUID {
	return func(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
		t.Helper()
		// A new version, because TestStoredBefore changes stored ones.
		changed := fixtures.ProductChanged(sampleProduct, int(time.Now().UnixMicro()), "Assam", fixtures.Price(1299))
		s.Deliver(t, "catalog-sync", functiontest.NewEvent(t, "product-changed", changed)).MustBe(t, http.StatusNoContent)
		body := fixtures.Order(fixtures.Item(sampleProduct, 2))
		body["shippingAddress"] = fixtures.Address()
		return advanceOrder(t, s, placeOrder(t, s, owner, body), steps)
	}
}

// shipmentBody ships one of the units of sampleProduct.
func shipmentBody(testing.TB, *functiontest.Server, account) object {
	return object{
		"carrier?": "DHL", "trackingNumber?": "00340434161094021501", "trackingUrl?": "https://carrier.example/track?id=1",
		"lines?": []any{fixtures.Item(sampleProduct, 1)},
	}
}

// returnBody returns one of the units of sampleProduct.
func returnBody(testing.TB, *functiontest.Server, account) object {
	return object{"lines": []any{fixtures.Item(sampleProduct, 1)}, "reason?": "does not fit"}
}

// createReturned creates an order with a return, which readReturn returns.
func createReturned(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
	t.Helper()
	order := createOrderOfSample("stock-reserved", "/ship")(t, s, owner)
	mustPost(t, s, "/v1/orders/"+order.String()+"/returns", cmp.Or(owner.token, s.Tokens.Admin(t)), expand(returnBody(t, s, owner), true))
	return order
}

// readReturn returns the id of the only return of an order.
func readReturn(t testing.TB, s *functiontest.Server, order uuid.UUID) (id uuid.UUID) {
	t.Helper()
	if err := s.DB.QueryRowContext(t.Context(), `SELECT id FROM order_return WHERE order_id = ?`, order[:]).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// receivedLine is the line of a return that has arrived.
func receivedLine() object {
	line := fixtures.Item(sampleProduct, 1)
	line["restock?"] = true
	return line
}
