package order

import "souk/shared/dbtest"

// FilledRows are the values of tables with many orders: few are confirmed, and a customer
// has one of a hundred of them.
var FilledRows = dbtest.Rows{
	"orders.status":      "IF(n % 128 = 0, 'confirmed', IF(n % 7 = 0, 'cancelled', 'delivered'))",
	"shipment_item.line": "0", "order_return_item.line": "0", "order_return.status": "'received'",
}
