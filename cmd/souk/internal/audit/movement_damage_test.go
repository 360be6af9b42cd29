package audit_test

import (
	"time"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
)

// booked returns statements that book a movement and the stock, and remove both.
// Columns and values follow id and product_id.
func booked(product uuid.UUID, delta int, columns, values string, args ...any) (plant, mend []statement) {
	plant = []statement{
		do(`
			INSERT INTO stock_movement (id, product_id, delta, `+columns+`)
			SELECT ?, p.id, ?, `+values+`
			FROM product p
			WHERE p.id = ?`, append(append([]any{unknownID[:], delta}, args...), product[:])...),
		do(`UPDATE product SET available = available + ? WHERE id = ?`, delta, product[:]),
	}
	mend = []statement{
		do(`DELETE FROM stock_movement WHERE id = ?`, unknownID[:]),
		do(`UPDATE product SET available = available - ? WHERE id = ?`, delta, product[:]),
	}
	return plant, mend
}

// bookedTwice returns statements that copy the last movement of a product.
func bookedTwice(product uuid.UUID, delta int, columns, values string) (plant, mend []statement) {
	plant, mend = booked(product, delta, "reason, moved_by, moved_at", "'', '', NOW(6)")
	plant[0] = do(`
		INSERT INTO stock_movement (id, product_id, delta, reason, moved_by, `+columns+`)
		SELECT ?, product_id, delta, reason, moved_by, `+values+`
		FROM stock_movement
		WHERE product_id = ?
		ORDER BY id DESC
		LIMIT 1`, unknownID[:], product[:])
	return plant, mend
}

// movementDamages are movements that agree with the stock, and that no request and no
// import has booked.
func (s *shop) movementDamages(pot, imported uuid.UUID) map[string]damage {
	all := map[string]damage{}
	add := func(name string, product uuid.UUID, finds []audit.Check, plant, mend []statement) {
		all[name] = damage{"product", plant, mend, finds, product.String()}
	}
	doubled, source := []audit.Check{audit.MovementDoubled}, []audit.Check{audit.MovementSource}
	now := time.Now().UTC()

	plant, mend := bookedTwice(pot, 3, "moved_at, source", "moved_at, source")
	add("an adjustment that was booked twice", pot, doubled, plant, mend)
	plant, mend = bookedTwice(pot, 3, "moved_at, source", "moved_at + INTERVAL 90 SECOND, source")
	add("an adjustment that was booked again", pot, doubled, plant, mend)
	plant, mend = bookedTwice(pot, 3, "moved_at", "moved_at")
	add("an adjustment that was copied without its source", pot, []audit.Check{audit.MovementDoubled, audit.MovementSource}, plant, mend)
	plant, mend = bookedTwice(pot, 3, "moved_at, source", "moved_at, UNHEX(SHA2('any', 256))")
	add("an adjustment that was copied with another source", pot, doubled, plant, mend)

	plant, mend = booked(pot, 40, "reason, moved_by, moved_at", "'import', ?, ?", unknownID[:], now)
	add("stock that an import without a name has made", pot, source, plant, mend)
	plant, mend = booked(pot, 40, "reason, moved_by, moved_at, import_id, import_line", "'import', ?, ?, ?, 1", unknownID[:], now, unknownID[:])
	add("stock that a line of an import has made", pot, source, plant, mend)
	plant, mend = booked(pot, 40, "reason, moved_by, moved_at, import_id, import_line, source",
		"'import', ?, ?, ?, 1, UNHEX(SHA2('any', 256))", unknownID[:], now, unknownID[:])
	add("stock that a line of an import does not state", pot, source, plant, mend)
	plant, mend = booked(pot, 40, "reason, moved_by, moved_at, source", "'first stock', ?, p.created_at, UNHEX(SHA2('any', 256))", unknownID[:])
	add("a second first stock", pot, source, plant, mend)
	plant, mend = booked(pot, 40, "reason, moved_by, moved_at, import_id, import_line, source",
		"'first stock', ?, ?, ?, 1, UNHEX(SHA2(CONCAT(?, UNHEX(LPAD('1', 16, '0')), p.id, UNHEX(LPAD(HEX(40), 16, '0'))), 256))",
		unknownID[:], now, unknownID[:], unknownID[:])
	add("a first stock that an import gave to a product that was there", pot, source, plant, mend)
	add("a line of an import that was altered", imported, source,
		[]statement{
			do(`UPDATE stock_movement SET delta = delta + 5 WHERE product_id = ? AND delta < 0`, imported[:]),
			do(`UPDATE product SET available = available + 5 WHERE id = ?`, imported[:]),
		},
		[]statement{
			do(`UPDATE stock_movement SET delta = -2 WHERE product_id = ? AND import_id IS NOT NULL AND reason = 'import'`, imported[:]),
			do(`UPDATE product SET available = available - 5 WHERE id = ?`, imported[:]),
		})
	return all
}
