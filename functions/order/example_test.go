package order_test

import (
	"encoding/json"
	"testing"

	"souk/functions/order"
)

// TestExampleAddsUp requires that the order in the examples of the API adds up, as stored orders do, in
// every status that an operation requests.
func TestExampleAddsUp(t *testing.T) {
	t.Parallel()
	for operation, want := range map[string]order.Status{
		"order-get": order.Pending, "order-cancel": order.Cancelled, "order-ship": order.Shipped, "order-deliver": order.Delivered,
	} {
		example := map[string]any{}
		order.Order{}.AdjustExample(operation, example)
		var o order.Order
		if err := json.Unmarshal([]byte(jsonText(t, example)), &o); err != nil {
			t.Fatal(err)
		}
		requireSums(t, &o)
		if o.Status != want || o.Total.Amount == 0 || o.Tax.Amount == 0 || o.Discount.Amount == 0 || o.Shipping == nil {
			t.Errorf("%s: the example is %+v", operation, o)
		}
		fromShipments, fromItems := shippedUnits(o)
		if isShipped := want == order.Shipped || want == order.Delivered; len(fromShipments) != len(fromItems) || (len(fromShipments) > 0) != isShipped {
			t.Errorf("%s: shipments of %v, and items with %v", operation, fromShipments, fromItems)
		}
	}
}
