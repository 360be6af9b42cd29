package audit_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
)

// damages is one of each kind, planted by SQL behind the services' backs.
func (s *shop) damages(t *testing.T, tea, cup, confirmed, rejected, cancelled uuid.UUID) map[string]damage {
	t.Helper()
	all := s.stockDamages(t, tea, cup, confirmed, cancelled)
	maps.Copy(all, s.orderDamages(confirmed, rejected))
	maps.Copy(all, s.otherDamages(t, tea, confirmed))
	maps.Copy(all, trailDamages())
	return all
}

func (s *shop) stockDamages(t *testing.T, tea, cup, confirmed, cancelled uuid.UUID) map[string]damage {
	t.Helper()
	unchecked, checked := s.checks(t)
	return map[string]damage{
		"stock that its movements do not explain": {
			"product",
			[]statement{do(`UPDATE product SET available = available + 1 WHERE id = ?`, tea[:])},
			[]statement{do(`UPDATE product SET available = available - 1 WHERE id = ?`, tea[:])},
			[]audit.Check{audit.StockSum}, tea.String(),
		},
		"negative stock": {
			"product",
			append(unchecked, do(`UPDATE product SET available = -1 WHERE id = ?`, tea[:])),
			append([]statement{do(`UPDATE product SET available = 48 WHERE id = ?`, tea[:])}, checked...),
			[]audit.Check{audit.StockNegative, audit.StockSum}, "-1 available",
		},
		"a negative number of reserved units": {
			"product",
			[]statement{do(`UPDATE product SET reserved = reserved - 3 WHERE id = ?`, tea[:])},
			[]statement{do(`UPDATE product SET reserved = reserved + 3 WHERE id = ?`, tea[:])},
			[]audit.Check{audit.StockNegative, audit.ReservedSum}, "-1 reserved",
		},
		"a reserved product that is gone": {
			"product",
			[]statement{
				do(`UPDATE reservation_item SET product_id = ? WHERE product_id = ? AND order_id = ?`, unknownID[:], cup[:], confirmed[:]),
				do(`UPDATE product SET available = available + 2, reserved = reserved - 2 WHERE id = ?`, cup[:]),
			},
			[]statement{
				do(`UPDATE reservation_item SET product_id = ? WHERE product_id = ?`, cup[:], unknownID[:]),
				do(`UPDATE product SET available = available - 2, reserved = reserved + 2 WHERE id = ?`, cup[:]),
			},
			[]audit.Check{audit.ProductMissing, audit.ReservationDiffers}, unknownID.String(),
		},
		"a confirmed order without stock": {
			"product",
			[]statement{
				do(`UPDATE reservation SET state = 'released' WHERE order_id = ?`, confirmed[:]),
				do(`UPDATE product SET available = available + 2, reserved = reserved - 2 WHERE id IN (?, ?)`, tea[:], cup[:]),
			},
			[]statement{
				do(`UPDATE reservation SET state = 'reserved' WHERE order_id = ?`, confirmed[:]),
				do(`UPDATE product SET available = available - 2, reserved = reserved + 2 WHERE id IN (?, ?)`, tea[:], cup[:]),
			},
			[]audit.Check{audit.ReservationMissing}, confirmed.String(),
		},
		"an order with more reserved than it lists": {
			"product",
			[]statement{
				do(`UPDATE reservation_item SET quantity = 5 WHERE order_id = ? AND product_id = ?`, confirmed[:], tea[:]),
				do(`UPDATE product SET available = available - 3 WHERE id = ?`, tea[:]),
			},
			[]statement{
				do(`UPDATE reservation_item SET quantity = 2 WHERE order_id = ? AND product_id = ?`, confirmed[:], tea[:]),
				do(`UPDATE product SET available = available + 3 WHERE id = ?`, tea[:]),
			},
			[]audit.Check{audit.ReservationDiffers}, "has reserved 2 of product",
		},
		"restocked units that are not for sale": {
			"product",
			[]statement{do(`UPDATE reservation_item SET restocked = 1 WHERE order_id = ? AND product_id = ?`, confirmed[:], tea[:])},
			[]statement{do(`UPDATE reservation_item SET restocked = 0 WHERE order_id = ? AND product_id = ?`, confirmed[:], tea[:])},
			[]audit.Check{audit.StockSum}, tea.String(),
		},
		"reserved units that no order has": {
			"product",
			[]statement{do(`UPDATE product SET reserved = reserved + 1 WHERE id = ?`, tea[:])},
			[]statement{do(`UPDATE product SET reserved = reserved - 1 WHERE id = ?`, tea[:])},
			[]audit.Check{audit.ReservedSum}, "3 reserved, but 2 units of its orders are not shipped",
		},
		"more unshipped units than were ordered": {
			"product",
			[]statement{
				do(`UPDATE reservation_item SET unshipped = 4 WHERE order_id = ? AND product_id = ?`, cancelled[:], tea[:]),
			},
			[]statement{
				do(`UPDATE reservation_item SET unshipped = 3 WHERE order_id = ? AND product_id = ?`, cancelled[:], tea[:]),
			},
			[]audit.Check{audit.ReservedSum}, "4 of 3 units of order " + cancelled.String(),
		},
		"a cancelled order that kept its stock": {
			"product",
			[]statement{
				do(`UPDATE reservation SET state = 'reserved' WHERE order_id = ?`, cancelled[:]),
				do(`UPDATE product SET available = available - 3, reserved = reserved + 3 WHERE id = ?`, tea[:]),
			},
			[]statement{
				do(`UPDATE reservation SET state = 'released' WHERE order_id = ?`, cancelled[:]),
				do(`UPDATE product SET available = available + 3, reserved = reserved - 3 WHERE id = ?`, tea[:]),
			},
			[]audit.Check{audit.ReservationLeft}, cancelled.String(),
		},
		"stock reserved for an order that is not there": {
			"product",
			[]statement{
				do(`INSERT INTO reservation (order_id, state, updated_at) VALUES (?, 'reserved', ?)`, unknownID[:], time.Now().UTC()),
				do(`INSERT INTO reservation_item (order_id, product_id, quantity) VALUES (?, ?, 4)`, unknownID[:], tea[:]),
				do(`UPDATE product SET available = available - 4 WHERE id = ?`, tea[:]),
			},
			[]statement{
				do(`DELETE FROM reservation WHERE order_id = ?`, unknownID[:]),
				do(`DELETE FROM reservation_item WHERE order_id = ?`, unknownID[:]),
				do(`UPDATE product SET available = available + 4 WHERE id = ?`, tea[:]),
			},
			[]audit.Check{audit.ReservationOrphan}, unknownID.String(),
		},
	}
}

func (s *shop) orderDamages(confirmed, rejected uuid.UUID) map[string]damage {
	return map[string]damage{
		"a total that is not the sum of the lines": {
			"order",
			[]statement{do(`UPDATE orders SET total_amount = total_amount + 1 WHERE id = ?`, confirmed[:])},
			[]statement{do(`UPDATE orders SET total_amount = total_amount - 1 WHERE id = ?`, confirmed[:])},
			[]audit.Check{audit.OrderTotal}, confirmed.String(),
		},
		"an order without lines": {
			"order",
			[]statement{do(`UPDATE order_item SET order_id = ? WHERE order_id = ?`, unknownID[:], rejected[:])},
			[]statement{do(`UPDATE order_item SET order_id = ? WHERE order_id = ?`, rejected[:], unknownID[:])},
			[]audit.Check{audit.OrderItems, audit.OrderLost}, rejected.String(),
		},
		"an order without history": {
			"order",
			[]statement{do(`UPDATE order_history SET order_id = ? WHERE order_id = ?`, unknownID[:], rejected[:])},
			[]statement{do(`UPDATE order_history SET order_id = ? WHERE order_id = ?`, rejected[:], unknownID[:])},
			[]audit.Check{audit.HistoryMismatch, audit.EventMissing, audit.OrderLost}, "has no history",
		},
		"a status that the history does not end with": {
			"order",
			[]statement{do(`UPDATE orders SET status = 'shipped' WHERE id = ?`, confirmed[:])},
			[]statement{do(`UPDATE orders SET status = 'confirmed' WHERE id = ?`, confirmed[:])},
			[]audit.Check{audit.HistoryMismatch, audit.ReservedUnits}, "is shipped, but its history ends with confirmed",
		},
		"a change of status that is not allowed": {
			"order",
			[]statement{do(`UPDATE order_history SET status = 'delivered' WHERE order_id = ? AND version = 1`, rejected[:])},
			[]statement{do(`UPDATE order_history SET status = 'pending' WHERE order_id = ? AND version = 1`, rejected[:])},
			[]audit.Check{audit.HistoryMove, audit.EventMissing}, "from delivered to rejected",
		},
		"an order of a user that is not there": {
			"order",
			[]statement{do(`UPDATE orders SET user_id = ? WHERE id = ?`, unknownID[:], confirmed[:])},
			[]statement{do(`UPDATE orders SET user_id = ? WHERE id = ?`, s.userID[:], confirmed[:])},
			[]audit.Check{audit.UserMissing}, unknownID.String(),
		},
		"an address of a user who was deleted": {
			"order",
			[]statement{
				do(`UPDATE orders SET user_id = ? WHERE id = ?`, uuid.Nil[:], rejected[:]),
				do(`UPDATE order_history SET actor_id = NULL WHERE order_id = ?`, rejected[:]),
			},
			[]statement{
				do(`UPDATE orders SET user_id = ? WHERE id = ?`, s.userID[:], rejected[:]),
				do(`UPDATE order_history SET actor_id = ? WHERE order_id = ? AND actor = 'customer'`, s.userID[:], rejected[:]),
			},
			[]audit.Check{audit.PersonLeft}, rejected.String(),
		},
		"a history that names a user who was deleted": {
			"order",
			[]statement{
				do(`CREATE TABLE addresses AS SELECT id, shipping_address FROM orders`),
				do(`UPDATE orders SET user_id = ?, shipping_address = NULL WHERE id = ?`, uuid.Nil[:], rejected[:]),
			},
			[]statement{
				do(`UPDATE orders o JOIN addresses a ON a.id = o.id SET o.user_id = ?, o.shipping_address = a.shipping_address WHERE o.id = ?`, s.userID[:], rejected[:]),
				do(`DROP TABLE addresses`),
			},
			[]audit.Check{audit.PersonLeft}, "has no owner",
		},
		"orders that a deleted account left": {
			"order",
			[]statement{do(`UPDATE customer SET deleted_at = ? WHERE user_id = ?`, time.Now().UTC(), s.userID[:])},
			[]statement{do(`UPDATE customer SET deleted_at = NULL WHERE user_id = ?`, s.userID[:])},
			[]audit.Check{audit.PersonLeft}, s.userID.String(),
		},
	}
}

func (s *shop) otherDamages(t *testing.T, tea, confirmed uuid.UUID) map[string]damage {
	t.Helper()
	reserve := s.services["order"].Published.Events("order-placed")[0]
	return map[string]damage{
		"a copy of a product that is old": {
			"order",
			[]statement{do(`UPDATE catalog SET version = 0, price_amount = 1 WHERE product_id = ?`, tea[:])},
			[]statement{do(`UPDATE catalog SET version = 1, price_amount = 1299 WHERE product_id = ?`, tea[:])},
			[]audit.Check{audit.CatalogDiffers}, "version 0",
		},
		"a product without a copy": {
			"order",
			[]statement{do(`UPDATE catalog SET product_id = ? WHERE product_id = ?`, unknownID[:], tea[:])},
			[]statement{do(`UPDATE catalog SET product_id = ? WHERE product_id = ?`, tea[:], unknownID[:])},
			[]audit.Check{audit.CatalogDiffers}, tea.String(),
		},
		"an event that was never published": {
			"order",
			[]statement{do(`UPDATE outbox SET published_at = NULL WHERE aggregateid = ? AND type = 'order-confirmed'`, confirmed.String())},
			[]statement{do(`UPDATE outbox SET published_at = created_at WHERE published_at IS NULL`)},
			[]audit.Check{audit.OutboxStuck}, "order-confirmed",
		},
		"an event that never arrived": {
			"product",
			[]statement{do(`UPDATE inbox SET consumer = 'unknown' WHERE event_id = ? AND consumer = 'stock-reserve'`, reserve.ID[:])},
			[]statement{do(`UPDATE inbox SET consumer = 'stock-reserve' WHERE consumer = 'unknown'`)},
			[]audit.Check{audit.EventUnconsumed}, reserve.ID.String(),
		},
	}
}

// trailEntry inserts an entry of the unknown operation into a trail.
func trailEntry(resource string, resourceID uuid.UUID, actor string, actorID any) statement {
	id := uuid.Must(uuid.NewV7())
	return do(`
		INSERT INTO trail (id, changed_at, operation, resource, resource_id, resource_name, actor, actor_id, actor_role, changes, request_id, trace_id)
		VALUES (?, ?, 'unknown', ?, ?, '', ?, ?, '', '[]', '', '')`, id[:], time.Now().UTC(), resource, resourceID[:], actor, actorID)
}

// trailDamages returns entries of the trail that name a deleted account.
func trailDamages() map[string]damage {
	mend := do(`DELETE FROM trail WHERE operation = 'unknown'`)
	return map[string]damage{
		"a deleted account that is an actor in the trail": {
			"order",
			[]statement{
				do(`INSERT INTO customer (user_id, deleted_at) VALUES (?, ?)`, unknownID[:], time.Now().UTC().Add(-24*time.Hour)),
				trailEntry("discount", uuid.Nil, "customer", unknownID[:]),
			},
			[]statement{do(`DELETE FROM customer WHERE user_id = ?`, unknownID[:]), mend},
			[]audit.Check{audit.PersonLeft}, unknownID.String(),
		},
		"a deleted account that was changed in the trail": {
			"user", []statement{trailEntry("user", unknownID, "function", nil)}, []statement{mend},
			[]audit.Check{audit.PersonLeft}, unknownID.String(),
		},
	}
}

// checks returns how to let the product table have what its constraints refuse,
// and how to hold it to them again.
func (s *shop) checks(t *testing.T) (off, on []statement) {
	t.Helper()
	var version, name string
	if err := s.databases["product"].QueryRowContext(t.Context(), `SELECT VERSION()`).Scan(&version); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(version, "MariaDB") {
		return []statement{do(`SET SESSION check_constraint_checks = 0`)}, []statement{do(`SET SESSION check_constraint_checks = 1`)}
	}
	err := s.databases["product"].QueryRowContext(t.Context(), `
		SELECT constraint_name
		FROM information_schema.check_constraints
		WHERE constraint_schema = DATABASE() AND check_clause LIKE '%available%'`).Scan(&name)
	if err != nil {
		t.Fatal(err)
	}
	return []statement{do("ALTER TABLE product ALTER CHECK `" + name + "` NOT ENFORCED")},
		[]statement{do("ALTER TABLE product ALTER CHECK `" + name + "` ENFORCED")}
}
