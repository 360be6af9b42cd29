package audit

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// ordered is one line of an order, beside the order's status.
type ordered struct {
	status string
	since  time.Time
	// changed is the time of the newest entry of the history: some changes leave since as it is.
	changed time.Time
	item    item
	price   price
	// remaining is the number of units that are to be shipped.
	remaining sql.NullInt64
}

// held is one item of a reservation, beside the reservation's state.
type held struct {
	state   string
	changed time.Time
	item    item
	price   price
	// unshipped is the number of units that the product service counts as reserved and not shipped. It
	// is NULL where they are not counted.
	unshipped sql.NullInt64
}

// price is what one unit costs; both are NULL where that is not recorded.
type price struct {
	amount   sql.NullInt64
	currency sql.NullString
}

func (p price) String() string { return fmt.Sprintf("%d %s", p.amount.Int64, p.currency.String) }

// item is a number of units of a product; both are NULL where there is none.
type item struct {
	product  uuid.NullUUID
	quantity sql.NullInt64
}

// reservations compares what orders list with what is reserved for them.
func (a *auditor) reservations(ctx context.Context) error {
	lines, err := open(ctx, a.order, func(rows *sql.Rows) (id uuid.UUID, o ordered, err error) {
		err = rows.Scan(&id, &o.status, &o.since, &o.changed, &o.item.product, &o.item.quantity, &o.price.amount, &o.price.currency, &o.remaining)
		return id, o, err
	}, `
		SELECT o.id, o.status, o.updated_at,
			GREATEST(o.updated_at, COALESCE((
				SELECT MAX(h.moved_at)
				FROM order_history h
				WHERE h.order_id = o.id), o.updated_at)),
			i.product_id, i.quantity, i.unit_price, o.total_currency,
			IF(o.status IN ('shipped', 'delivered'), 0, i.quantity - i.withdrawn - COALESCE((
				SELECT SUM(s.quantity)
				FROM shipment_item s
				WHERE s.order_id = i.order_id AND s.line = i.line), 0))
		FROM orders o FORCE INDEX (PRIMARY)
		LEFT JOIN order_item i ON i.order_id = o.id
		ORDER BY o.id`)
	if err != nil {
		return err
	}
	items, err := open(ctx, a.product, func(rows *sql.Rows) (id uuid.UUID, h held, err error) {
		err = rows.Scan(&id, &h.state, &h.changed, &h.item.product, &h.item.quantity, &h.price.amount, &h.price.currency, &h.unshipped)
		return id, h, err
	}, `
		SELECT r.order_id, r.state, r.updated_at, i.product_id, i.quantity, i.unit_price, i.price_currency, i.unshipped
		FROM reservation r FORCE INDEX (PRIMARY)
		LEFT JOIN reservation_item i ON i.order_id = r.order_id
		ORDER BY r.order_id`)
	if err != nil {
		lines.close()
		return err
	}
	return merge(lines, items, a.reservation)
}

func (a *auditor) reservation(id uuid.UUID, lines []ordered, items []held) {
	if len(lines) > 0 && !a.atRest(lines[0].changed) || len(items) > 0 && !a.atRest(items[0].changed) {
		a.inFlight++
		return
	}
	isHeld := len(items) > 0 && items[0].state == "reserved"
	subject := about("order", id)
	switch {
	case len(lines) == 0 && isHeld:
		a.find(ReservationOrphan, subject, "does not exist, but has reserved %s", list(itemsOf(items)))
	case len(lines) == 0:
		a.find(OrderLost, subject, "does not exist, but the product service has it as %s", items[0].state)
	case slices.Contains(hasStock, lines[0].status) && !isHeld:
		a.find(ReservationMissing, subject, "is %s, but has no stock reserved", lines[0].status)
	case slices.Contains(hasNone, lines[0].status) && isHeld:
		a.find(ReservationLeft, subject, "is %s since %s, but still has reserved %s",
			lines[0].status, lines[0].since.Format(time.RFC3339), list(itemsOf(items)))
	case isHeld:
		if want, got := list(linesOf(lines)), list(itemsOf(items)); want != got {
			a.find(ReservationDiffers, subject, "lists %s, but has reserved %s", want, got)
			return
		}
		a.unshippedUnits(subject, lines, items)
	}
	a.reservedPrices(subject, lines, items)
}

// unshippedUnits finds units that are counted as reserved and do not remain to be shipped. There may be
// fewer than remain: the product service is read after the order service, and may have got a refund before
// it. It stores no time of that, by which an order could be left out. A refund that the order service has
// not got at all is an EventUnconsumed.
func (a *auditor) unshippedUnits(subject string, lines []ordered, items []held) {
	remaining := map[uuid.UUID]int64{}
	for _, o := range lines {
		remaining[o.item.product.UUID] = o.remaining.Int64
	}
	for _, h := range items {
		if product := h.item.product.UUID; h.unshipped.Int64 > remaining[product] {
			a.find(ReservedUnits, subject, "has %d units of product %s to be shipped, but %d are reserved", remaining[product], product, h.unshipped.Int64)
		}
	}
}

// reservedPrices compares the prices of an order with those that its stock was taken
// at, also when the stock was returned since.
func (a *auditor) reservedPrices(subject string, lines []ordered, items []held) {
	reserved := map[uuid.UUID]price{}
	for _, h := range items {
		if h.item.product.Valid && h.price.amount.Valid {
			reserved[h.item.product.UUID] = h.price
		}
	}
	for _, o := range lines {
		if then, known := reserved[o.item.product.UUID]; known && then != o.price {
			a.find(OrderPrice, subject, "has product %s at %s, but its stock was taken at %s", o.item.product.UUID, o.price, then)
		}
	}
}

func linesOf(lines []ordered) (items []item) {
	for _, line := range lines {
		items = append(items, line.item)
	}
	return items
}

func itemsOf(rows []held) (items []item) {
	for _, row := range rows {
		items = append(items, row.item)
	}
	return items
}

// list writes items the same way in whatever order they come.
func list(items []item) string {
	var texts []string
	for _, i := range items {
		if i.product.Valid {
			texts = append(texts, fmt.Sprintf("%d of product %s", i.quantity.Int64, i.product.UUID))
		}
	}
	if len(texts) == 0 {
		return "nothing"
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

// goods is what is known of a product.
type goods struct {
	name, currency, taxClass, status string
	price, weight, version           int64
	changed                          time.Time
}

// same reports whether two services have the same data of a product.
func (g goods) same(other goods) bool {
	g.changed = other.changed
	return g == other
}

func (g goods) String() string {
	return fmt.Sprintf("version %d: %q, %d %s, %s, tax class %q, %d g", g.version, g.name, g.price, g.currency, g.status, g.taxClass, g.weight)
}

// catalog compares the order service's copy of each product with the product. It does not compare
// categories: copies of products that have not changed since copies have one lack theirs.
func (a *auditor) catalog(ctx context.Context) error {
	products, err := open(ctx, a.product, func(rows *sql.Rows) (id uuid.UUID, g goods, err error) {
		err = rows.Scan(&id, &g.name, &g.price, &g.currency, &g.taxClass, &g.weight, &g.status, &g.version, &g.changed)
		return id, g, err
	}, `
		SELECT id, name, price_amount, price_currency, tax_class, weight, status, version, updated_at
		FROM product FORCE INDEX (PRIMARY)
		ORDER BY id`)
	if err != nil {
		return err
	}
	copies, err := open(ctx, a.order, func(rows *sql.Rows) (id uuid.UUID, g goods, err error) {
		err = rows.Scan(&id, &g.name, &g.price, &g.currency, &g.taxClass, &g.weight, &g.status, &g.version)
		return id, g, err
	}, `
		SELECT product_id, name, price_amount, price_currency, tax_class, weight, status, version
		FROM catalog FORCE INDEX (PRIMARY)
		ORDER BY product_id`)
	if err != nil {
		products.close()
		return err
	}
	return merge(products, copies, func(id uuid.UUID, products, copies []goods) {
		subject := about("product", id)
		switch {
		case len(products) == 0:
			a.find(CatalogDiffers, subject, "does not exist, but the copy is %s", copies[0])
		case !a.atRest(products[0].changed):
			a.inFlight++
		case len(copies) == 0:
			a.find(CatalogDiffers, subject, "is %s, and there is no copy", products[0])
		case !products[0].same(copies[0]):
			a.find(CatalogDiffers, subject, "is %s, but the copy is %s", products[0], copies[0])
		}
	})
}

// owned counts the orders of an owner, and those of them that guests have placed.
type owned struct{ orders, guests int64 }

// users checks that each order's user exists. Orders of a deleted user have the
// zero id as their owner. Those of a guest have the id of the checkout, which no account has.
func (a *auditor) users(ctx context.Context) (err error) {
	if a.rows["user"], err = a.user.count(ctx, "user"); err != nil {
		return err
	}
	leaving, err := a.leaving(ctx)
	if err != nil {
		return err
	}
	owners, err := open(ctx, a.order, func(rows *sql.Rows) (id uuid.UUID, o owned, err error) {
		err = rows.Scan(&id, &o.orders, &o.guests)
		return id, o, err
	}, `
		SELECT o.user_id, COUNT(*), COUNT(g.order_id)
		FROM orders o
		LEFT JOIN guest_order g ON g.order_id = o.id
		GROUP BY o.user_id
		ORDER BY o.user_id`)
	if err != nil {
		return err
	}
	users, err := open(ctx, a.user, scanID, `
		SELECT id
		FROM user FORCE INDEX (PRIMARY)
		ORDER BY id`)
	if err != nil {
		owners.close()
		return err
	}
	return merge(owners, users, func(id uuid.UUID, orders []owned, users []struct{}) {
		if len(orders) == 0 {
			return
		}
		of, isGuest := orders[0].orders-orders[0].guests, orders[0].guests > 0
		if of > 0 && len(users) == 0 && id != uuid.Nil && !leaving[id] {
			a.find(UserMissing, about("user", id), "does not exist, but has %d orders", of)
		}
		if isGuest && (len(users) > 0 || id == uuid.Nil) {
			a.find(GuestOrder, about("user", id), "is not a guest, but has %d orders of guests", orders[0].guests)
		}
	})
}

// leaving returns the users whose orders may not know yet that they are erased.
func (a *auditor) leaving(ctx context.Context) (map[uuid.UUID]bool, error) {
	leaving := map[uuid.UUID]bool{}
	return leaving, a.user.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		leaving[id] = true
		return nil
	}, `
		SELECT aggregateid
		FROM outbox
		WHERE type = 'user-deleted' AND created_at >= ?`, a.options.Now.Add(-a.options.Grace))
}
