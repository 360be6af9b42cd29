package audit_test

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
)

// orderTables are the tables of an order's rows, and their columns of its id.
var orderTables = map[string]string{"orders": "id", "order_item": "order_id", "order_history": "order_id"}

// copied returns statements that copy an order, and those that remove the copy.
func copied(from, to uuid.UUID) (plant, mend []statement) {
	for table, id := range orderTables {
		changes := id + " = ?"
		if table == "orders" {
			changes += ", number = NULL" // unique
		}
		plant = append(plant,
			in("order", fmt.Sprintf("CREATE TABLE copied AS SELECT * FROM %s WHERE %s = ?", table, id), from[:]),
			in("order", fmt.Sprintf("UPDATE copied SET %s", changes), to[:]),
			in("order", fmt.Sprintf("INSERT INTO %s SELECT * FROM copied", table)),
			in("order", "DROP TABLE copied"))
		mend = append(mend, in("order", fmt.Sprintf("DELETE FROM %s WHERE %s = ?", table, id), to[:]))
	}
	return plant, mend
}

// copyDamages are orders that are there twice.
func (s *shop) copyDamages(confirmed, rejected uuid.UUID) map[string]damage {
	twin, ancient := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	all := map[string]damage{}

	plant, mend := copied(rejected, twin)
	all["an order that was copied"] = damage{"order", plant, mend, []audit.Check{audit.OrderDoubled, audit.EventMissing}, twin.String()}

	all["an order that was copied with its stock and events"] = completeCopy(confirmed, uuid.Must(uuid.NewV7()))

	plant, mend = copied(rejected, ancient)
	plant = append(plant,
		do(`UPDATE orders SET created_at = created_at - INTERVAL 3 DAY WHERE id = ?`, ancient[:]),
		do(`UPDATE order_history SET moved_at = moved_at - INTERVAL 3 DAY WHERE order_id = ?`, ancient[:]))
	all["a copy of an order of which no key and no event is retained"] = damage{"order", plant, mend, []audit.Check{audit.OrderDoubled}, ancient.String()}

	all["an order that two requests have created"] = damage{
		"order",
		[]statement{do(`
			INSERT INTO idempotency_key (scope, caller, payload, status, header, body, expires_at)
			SELECT UNHEX(SHA2('other', 256)), caller, payload, status, header, body, expires_at
			FROM idempotency_key
			WHERE header LIKE ?`, "%"+confirmed.String()+"%")},
		[]statement{do(`DELETE FROM idempotency_key WHERE scope = UNHEX(SHA2('other', 256))`)},
		[]audit.Check{audit.OrderDoubled}, confirmed.String(),
	}

	return all
}

// lossDamages are orders that are gone.
func (s *shop) lossDamages(confirmed, rejected uuid.UUID) map[string]damage {
	all := map[string]damage{}
	for name, id := range map[string]uuid.UUID{"rejected": rejected, "confirmed": confirmed} {
		finds := []audit.Check{audit.OrderLost}
		if name == "confirmed" {
			finds = append(finds, audit.ReservationOrphan)
		}
		plant, mend := removed("id = ?", []any{id[:]}, "order.orders")
		all["a lost "+name+" order whose other rows are there"] = damage{"order", plant, mend, finds, id.String()}

		plant, mend = lost(id)
		all["a lost "+name+" order"] = damage{"order", plant, mend, finds, id.String()}
	}

	// A day later only the product service knows of it.
	plant, mend := lost(rejected)
	for _, part := range []struct {
		where, table string
		arg          string
	}{{"aggregateid = ?", "outbox", rejected.String()}, {"header LIKE ?", "idempotency_key", "%" + rejected.String() + "%"}} {
		p, m := removed(part.where, []any{part.arg}, "order."+part.table)
		plant, mend = append(plant, p...), append(mend, m...)
	}
	all["a lost rejected order of which nothing is left but the reservation"] = damage{"order", plant, mend, []audit.Check{audit.OrderLost}, rejected.String()}

	// The product service's row is gone too, and the response to the customer is not.
	p, m := removed("order_id = ?", []any{rejected[:]}, "product.reservation")
	plant, mend = lost(rejected)
	all["a lost order that only its customer knows"] = damage{"order", append(plant, p...), append(mend, m...), []audit.Check{audit.OrderLost}, rejected.String()}
	return all
}

// lost returns statements that delete all rows of an order, and restore them.
func lost(id uuid.UUID) (plant, mend []statement) {
	for table, column := range orderTables {
		p, m := removed(column+" = ?", []any{id[:]}, "order."+table)
		plant, mend = append(plant, p...), append(mend, m...)
	}
	return plant, mend
}

// completeCopy is a copy of a confirmed order with its reservation, stock and events.
func completeCopy(confirmed, twin uuid.UUID) damage {
	plant, mend := copied(confirmed, twin)
	plant = append(plant,
		in("order", `CREATE TABLE copied AS SELECT * FROM outbox WHERE aggregateid = ?`, confirmed.String()),
		in("order", `UPDATE copied SET id = UNHEX(LEFT(SHA2(HEX(id), 256), 32)), aggregateid = ?, payload = REPLACE(payload, ?, ?)`, twin.String(), confirmed.String(), twin.String()),
		in("order", `INSERT INTO outbox SELECT * FROM copied`),
		in("product", `INSERT INTO inbox (consumer, event_id, received_at) VALUES ('stock-reserve', ?, ?)`, unknownID[:], time.Now().UTC()),
		in("order", `UPDATE outbox SET id = ? WHERE aggregateid = ? AND type = 'order-placed'`, unknownID[:], twin.String()),
		in("order", `DROP TABLE copied`),
		in("product", `INSERT INTO reservation (order_id, state, updated_at) VALUES (?, 'reserved', ?)`, twin[:], time.Now().UTC()),
		in("product", `CREATE TABLE copied AS SELECT * FROM reservation_item WHERE order_id = ?`, confirmed[:]),
		in("product", `UPDATE copied SET order_id = ?`, twin[:]),
		in("product", `INSERT INTO reservation_item SELECT * FROM copied`),
		in("product", `UPDATE product p JOIN copied c ON c.product_id = p.id SET p.available = p.available - c.quantity, p.reserved = p.reserved + c.unshipped`),
		in("product", `DROP TABLE copied`))
	mend = append(mend,
		in("order", `DELETE FROM outbox WHERE aggregateid = ?`, twin.String()),
		in("product", `DELETE FROM inbox WHERE event_id = ?`, unknownID[:]),
		in("product", `UPDATE product p JOIN reservation_item c ON c.product_id = p.id AND c.order_id = ? SET p.available = p.available + c.quantity, p.reserved = p.reserved - c.unshipped`, twin[:]),
		in("product", `DELETE FROM reservation_item WHERE order_id = ?`, twin[:]),
		in("product", `DELETE FROM reservation WHERE order_id = ?`, twin[:]))
	return damage{"order", plant, mend, []audit.Check{audit.OrderDoubled}, twin.String()}
}

// moveDamages are histories that do not fit their orders or events.
func (s *shop) moveDamages(confirmed, rejected, delivered uuid.UUID) map[string]damage {
	all := map[string]damage{
		"a gap in a history's versions": {
			"order",
			[]statement{do(`UPDATE order_history SET version = 5 WHERE order_id = ? AND version = 4`, delivered[:])},
			[]statement{do(`UPDATE order_history SET version = 4 WHERE order_id = ? AND version = 5`, delivered[:])},
			[]audit.Check{audit.HistoryGap}, "the versions 1, 2, 3, 5",
		},
		"a gap that the order's version goes with": {
			"order",
			[]statement{
				do(`UPDATE order_history SET version = 5 WHERE order_id = ? AND version = 4`, delivered[:]),
				do(`UPDATE orders SET version = 5 WHERE id = ?`, delivered[:]),
			},
			[]statement{
				do(`UPDATE order_history SET version = 4 WHERE order_id = ? AND version = 5`, delivered[:]),
				do(`UPDATE orders SET version = 4 WHERE id = ?`, delivered[:]),
			},
			[]audit.Check{audit.HistoryGap}, "has version 5, and a history of the versions 1, 2, 3, 5",
		},
		"an order whose version is not its history's": {
			"order",
			[]statement{do(`UPDATE orders SET version = 7 WHERE id = ?`, confirmed[:])},
			[]statement{do(`UPDATE orders SET version = 2 WHERE id = ?`, confirmed[:])},
			[]audit.Check{audit.HistoryGap}, confirmed.String(),
		},
		"a change of tags that has not increased the version": {
			"order",
			[]statement{do(`UPDATE orders SET tag_changes = 1 WHERE id = ?`, confirmed[:])},
			[]statement{do(`UPDATE orders SET tag_changes = 0 WHERE id = ?`, confirmed[:])},
			[]audit.Check{audit.HistoryGap}, confirmed.String(),
		},
		"a change of the customer that has not increased the version": {
			"order",
			[]statement{do(`UPDATE orders SET adoptions = 1 WHERE id = ?`, confirmed[:])},
			[]statement{do(`UPDATE orders SET adoptions = 0 WHERE id = ?`, confirmed[:])},
			[]audit.Check{audit.HistoryGap}, confirmed.String(),
		},
		"a change of status without its event": {
			"order",
			[]statement{
				do(`INSERT INTO order_history (order_id, version, status, moved_at, reason) VALUES (?, 3, 'shipped', ?, '')`, confirmed[:], time.Now().UTC()),
				do(`UPDATE orders SET status = 'shipped', version = 3 WHERE id = ?`, confirmed[:]),
			},
			[]statement{
				do(`DELETE FROM order_history WHERE order_id = ? AND version = 3`, confirmed[:]),
				do(`UPDATE orders SET status = 'confirmed', version = 2 WHERE id = ?`, confirmed[:]),
			},
			[]audit.Check{audit.EventMissing, audit.ReservedUnits}, "0 events order-shipped",
		},
		"a change of status whose event is there twice": {
			"order",
			[]statement{do(`
				INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, traceparent, created_at, published_at)
				SELECT ?, aggregatetype, aggregateid, type, payload, traceparent, created_at, published_at
				FROM outbox
				WHERE type = 'order-rejected' AND aggregateid = ?`, unknownID[:], rejected.String())},
			[]statement{do(`DELETE FROM outbox WHERE id = ?`, unknownID[:])},
			[]audit.Check{audit.EventMissing}, "2 events order-rejected",
		},
		"an event without its change of status": {
			"order",
			[]statement{do(`
				INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, traceparent, created_at, published_at)
				SELECT ?, aggregatetype, aggregateid, 'order-shipped', payload, traceparent, created_at, published_at
				FROM outbox
				WHERE type = 'order-confirmed' AND aggregateid = ?`, unknownID[:], confirmed.String())},
			[]statement{do(`DELETE FROM outbox WHERE id = ?`, unknownID[:])},
			[]audit.Check{audit.EventMissing}, "has an event order-shipped",
		},
	}
	plant, mend := removed("order_id = ? AND version = 2", []any{delivered[:]}, "order.order_history")
	all["a change of status that is gone from the middle of a history"] = damage{
		"order", plant, mend, []audit.Check{audit.HistoryGap, audit.HistoryMove, audit.EventMissing}, "the versions 1, 3, 4",
	}
	return all
}

// priceDamages are orders whose lines and total were altered together.
func (s *shop) priceDamages(confirmed, rejected uuid.UUID) map[string]damage {
	alter := func(id uuid.UUID, units, by int) []statement {
		return []statement{
			do(`UPDATE order_item SET unit_price = unit_price + ? WHERE order_id = ? AND line = 0`, by, id[:]),
			do(`UPDATE orders SET total_amount = total_amount + ? WHERE id = ?`, by*units, id[:]),
		}
	}
	event := func(unitPrice, total int) statement {
		return do(`
			UPDATE outbox SET payload = JSON_SET(payload, '$.items[0].unitPrice.amount', ?, '$.total.amount', ?)
			WHERE type = 'order-placed' AND aggregateid = ?`, unitPrice, total, confirmed.String())
	}
	return map[string]damage{
		"a price and a total that were altered together": {
			"order", alter(confirmed, 2, -1000), alter(confirmed, 2, 1000), []audit.Check{audit.OrderPrice}, confirmed.String(),
		},
		"a price and a total of an order without reservation": {
			"order", alter(rejected, 51, 1), alter(rejected, 51, -1), []audit.Check{audit.OrderPrice}, rejected.String(),
		},
		"a price and a total that were altered with the event": {
			"order",
			append(alter(confirmed, 2, -1000), event(299, 4*1299-2000)), append(alter(confirmed, 2, 1000), event(1299, 4*1299)),
			[]audit.Check{audit.OrderPrice}, "its stock was taken at 1299 EUR",
		},
		"a quantity and a total that were altered together": {
			"order",
			[]statement{
				do(`UPDATE order_item SET quantity = 1 WHERE order_id = ?`, rejected[:]),
				do(`UPDATE orders SET total_amount = 1299 WHERE id = ?`, rejected[:]),
			},
			[]statement{
				do(`UPDATE order_item SET quantity = 51 WHERE order_id = ?`, rejected[:]),
				do(`UPDATE orders SET total_amount = 51 * 1299 WHERE id = ?`, rejected[:]),
			},
			[]audit.Check{audit.OrderPrice}, rejected.String(),
		},
		"another currency": {
			"order",
			[]statement{do(`UPDATE orders SET total_currency = 'JPY' WHERE id = ?`, confirmed[:])},
			[]statement{do(`UPDATE orders SET total_currency = 'EUR' WHERE id = ?`, confirmed[:])},
			[]audit.Check{audit.OrderPrice}, confirmed.String(),
		},
	}
}
