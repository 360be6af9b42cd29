package audit_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
	"souk/functions/fixtures"
	"souk/functions/order"
)

// mustReturn ships an order of two units in parts, returns one of them, and returns the order.
func (s *shop) mustReturn(t *testing.T, product uuid.UUID) uuid.UUID {
	t.Helper()
	id := s.mustOrder(t, 2, product)
	s.deliver(t)
	orders := s.services["order"]
	admin := orders.Tokens.Admin(t)
	for range 2 {
		body := fixtures.Object{"lines": []any{fixtures.Item(product, 1)}, "carrier": "DHL", "trackingUrl": "https://carrier.example/1"}
		orders.Do(t, fixtures.CreateShipment(admin, id, body)).MustBe(t, http.StatusCreated)
	}
	var r order.Return
	body := fixtures.Object{"lines": []any{fixtures.Item(product, 1)}, "reason": "does not fit"}
	orders.Do(t, fixtures.CreateReturn(s.customer, id, body)).MustBe(t, http.StatusCreated).Into(t, &r)
	body = fixtures.Object{"lines": []any{fixtures.Item(product, 1)}, "refund": true}
	orders.Do(t, fixtures.ReceiveReturn(admin, id, r.ID, body)).MustBe(t, http.StatusOK)
	s.deliver(t)
	return id
}

// afterSaleDamages are shipments and returns that do not fit their orders: one that is delivered, one
// that is confirmed, and one of two units of which one was returned.
func afterSaleDamages(delivered, confirmed, returned uuid.UUID) map[string]damage {
	received := func(units int) []statement {
		return []statement{do(`UPDATE order_return_item SET received = ? WHERE order_id = ?`, units, returned[:])}
	}
	return map[string]damage{
		"more shipped units than were ordered": {
			"order",
			[]statement{do(`UPDATE shipment_item SET quantity = 2 WHERE order_id = ?`, delivered[:])},
			[]statement{do(`UPDATE shipment_item SET quantity = 1 WHERE order_id = ?`, delivered[:])},
			[]audit.Check{audit.ShipmentUnits}, "2 units of line 0 are shipped, and 1 were ordered",
		},
		"a shipped unit that is withdrawn": {
			"order",
			[]statement{do(`UPDATE order_item SET withdrawn = 1 WHERE order_id = ?`, delivered[:])},
			[]statement{do(`UPDATE order_item SET withdrawn = 0 WHERE order_id = ?`, delivered[:])},
			[]audit.Check{audit.ShipmentUnits}, "1 units of line 0 are shipped, and 0 were ordered and not withdrawn",
		},
		"a shipment of a line that was not ordered": {
			"order",
			[]statement{do(`INSERT INTO shipment_item (order_id, shipment_id, line, quantity) SELECT order_id, id, 7, 1 FROM shipment WHERE order_id = ?`, delivered[:])},
			[]statement{do(`DELETE FROM shipment_item WHERE order_id = ? AND line = 7`, delivered[:])},
			[]audit.Check{audit.ShipmentUnits}, "1 units of line 7 are shipped, and 0 were ordered",
		},
		"a confirmed order with a shipment": {
			"order",
			[]statement{
				do(`INSERT INTO shipment (order_id, id, created_at) VALUES (?, ?, ?)`, confirmed[:], unknownID[:], time.Now().UTC()),
				do(`INSERT INTO shipment_item (order_id, shipment_id, line, quantity) VALUES (?, ?, 0, 1)`, confirmed[:], unknownID[:]),
			},
			[]statement{
				do(`DELETE FROM shipment WHERE order_id = ?`, confirmed[:]),
				do(`DELETE FROM shipment_item WHERE order_id = ?`, confirmed[:]),
			},
			[]audit.Check{audit.ShipmentStatus, audit.ReservedUnits}, "is confirmed, and 1 of its 4 units are shipped",
		},
		"a shipped unit that is still reserved": {
			"product",
			[]statement{
				do(`UPDATE reservation_item SET unshipped = 1 WHERE order_id = ?`, returned[:]),
				do(`UPDATE product SET reserved = reserved + 1 WHERE id = (SELECT product_id FROM reservation_item WHERE order_id = ?)`, returned[:]),
			},
			[]statement{
				do(`UPDATE reservation_item SET unshipped = 0 WHERE order_id = ?`, returned[:]),
				do(`UPDATE product SET reserved = reserved - 1 WHERE id = (SELECT product_id FROM reservation_item WHERE order_id = ?)`, returned[:]),
			},
			[]audit.Check{audit.ReservedUnits}, returned.String() + " has 0 units of product",
		},
		"a shipped order of which a shipment is gone": {
			"order",
			[]statement{do(`UPDATE shipment_item SET order_id = ? WHERE order_id = ? ORDER BY shipment_id LIMIT 1`, unknownID[:], returned[:])},
			[]statement{do(`UPDATE shipment_item SET order_id = ? WHERE order_id = ?`, returned[:], unknownID[:])},
			[]audit.Check{audit.ShipmentStatus, audit.ShipmentUnits}, "is shipped, and 1 of its 2 units are shipped",
		},
		"more returned units than were shipped": {
			"order", received(3), received(1), []audit.Check{audit.ReturnUnits}, "3 units of line 0 are returned, and 2 were shipped",
		},
		"a change of status with the reason of a return": {
			"order",
			[]statement{do(`UPDATE order_history SET reason = 'other' WHERE order_id = ? AND reason = 'return_received'`, returned[:])},
			[]statement{do(`UPDATE order_history SET reason = 'return_received' WHERE order_id = ? AND reason = 'other'`, returned[:])},
			[]audit.Check{audit.HistoryMove}, "from shipped to shipped",
		},
	}
}
