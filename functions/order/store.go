package order

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/functions/order/internal/number"
	"souk/functions/order/internal/search"
	"souk/shared/address"
	"souk/shared/database"
	"souk/shared/note"
	"souk/shared/pricing"
)

// newOrderColumns are the columns that a new order sets.
const newOrderColumns = `id, number, user_id, status, total_amount, total_currency, payment, shipping_address,
	version, created_at, updated_at, quote, ` + contactColumns

const orderColumns = newOrderColumns + `, tags`

func scanOrder(row database.Scanner) (Order, error) {
	var o Order
	var stored sql.NullString
	var shippingAddress, quote, tags []byte
	var contact contactRow
	err := row.Scan(slices.Concat([]any{&o.ID, &stored, &o.UserID, &o.Status, &o.Total.Amount, &o.Total.Currency, &o.Payment, &shippingAddress,
		&o.Version, &o.CreatedAt, &o.UpdatedAt, &quote}, contact.scanInto(), []any{&tags})...)
	if err != nil {
		return Order{}, err
	}
	o.Number = number.Format(stored.String)
	if o.ShippingAddress, err = decodeNullable[address.PostalAddress](shippingAddress); err != nil {
		return Order{}, fmt.Errorf("order %s: %w", o.ID, err)
	}
	if o.quote, err = decodeNullable[pricing.Quote](quote); err != nil {
		return Order{}, fmt.Errorf("order %s: %w", o.ID, err)
	}
	if o.Contact, err = contact.contact(); err != nil {
		return Order{}, fmt.Errorf("order %s: %w", o.ID, err)
	}
	if o.tags, err = note.DecodeTags(tags); err != nil {
		return Order{}, fmt.Errorf("order %s: %w", o.ID, err)
	}
	return o, nil
}

// nullable returns the value of a nullable column for an id: NULL for uuid.Nil.
func nullable(id uuid.UUID) []byte {
	if id == uuid.Nil {
		return nil
	}
	return id[:]
}

// saveStatusChanges updates locked orders after changeStatus, which has increased their version
// by one, and inserts their new history entries.
func saveStatusChanges(ctx context.Context, tx *database.Tx, to Status, at time.Time, history []historyRow) error {
	args := []any{to, at}
	for i := range history {
		args = append(args, history[i].order.ID[:])
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE orders
		SET status = ?, version = version + 1, updated_at = ?
		WHERE id IN (`+database.Placeholders(len(history))+`)`, args...)
	if err != nil {
		return err
	}
	return insertHistoryEntries(ctx, tx, history)
}

func selectOrder(ctx context.Context, q database.Queryer, id uuid.UUID) (Order, error) {
	return getOrderWithDetails(ctx, q, `
		SELECT `+orderColumns+`
		FROM orders
		WHERE id = ?`, id[:])
}

// lockOrder returns an order and locks it until the transaction ends, so that concurrent
// transactions change its status one after the other.
func lockOrder(ctx context.Context, tx *database.Tx, id uuid.UUID) (Order, error) {
	return getOrderWithDetails(ctx, tx, `
		SELECT `+orderColumns+`
		FROM orders
		WHERE id = ?
		FOR UPDATE`, id[:])
}

// lockOrders returns orders by id, without their items and histories, and locks them until the
// transaction ends, in the order of their ids. Orders that do not exist are missing.
func lockOrders(ctx context.Context, tx *database.Tx, ids []uuid.UUID) (map[uuid.UUID]*Order, error) {
	orders := map[uuid.UUID]*Order{}
	err := database.Each(ctx, tx, func(row database.Scanner) error {
		o, err := scanOrder(row)
		orders[o.ID] = &o
		return err
	}, `
		SELECT `+orderColumns+`
		FROM orders FORCE INDEX (PRIMARY)
		WHERE id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY id
		FOR UPDATE`, database.IDs(ids)...)
	if err != nil {
		return nil, fmt.Errorf("lock %d orders from %s: %w", len(ids), ids[0], err)
	}
	return orders, nil
}

// selectExpiredIDs returns the ids of orders that have had a status since before a time, in
// ascending order, that are greater than after. Orders are created as pending, at the time in
// their id. The time of a later status is that of the last update.
func selectExpiredIDs(ctx context.Context, q database.Queryer, status Status, after uuid.UUID, before time.Time, limit int) ([]uuid.UUID, error) {
	latest := search.FirstID(before)
	condition, args := ``, []any{status, after[:], latest[:]}
	if status != Pending {
		condition, args = ` AND updated_at < ?`, append(args, before)
	}
	return database.Collect(ctx, q, database.ScanColumn[uuid.UUID], `
		SELECT id
		FROM orders FORCE INDEX (orders_by_status)
		WHERE status = ? AND id > ? AND id < ?`+condition+`
		ORDER BY id
		LIMIT ?`, append(args, limit)...)
}

// lockOrdersInStatus returns the given orders and locks them until the transaction ends. It
// omits orders with another status, and those that are locked by another transaction.
func lockOrdersInStatus(ctx context.Context, tx *database.Tx, status Status, ids []uuid.UUID) ([]Order, error) {
	return queryOrdersWithDetails(ctx, tx, `
		SELECT `+orderColumns+`
		FROM orders FORCE INDEX (PRIMARY)
		WHERE status = ? AND id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY id
		FOR UPDATE SKIP LOCKED`, append([]any{status}, database.IDs(ids)...)...)
}

// lockOpenOrders returns a customer's open orders and locks them until the transaction ends.
func lockOpenOrders(ctx context.Context, tx *database.Tx, userID uuid.UUID) ([]Order, error) {
	return queryOrdersWithDetails(ctx, tx, `
		SELECT `+orderColumns+`
		FROM orders FORCE INDEX (orders_by_user_status)
		WHERE user_id = ? AND status IN (`+database.Placeholders(len(openStatuses))+`)
		ORDER BY id
		FOR UPDATE`, append([]any{userID[:]}, database.Args(openStatuses)...)...)
}

// selectDecided returns those of the given orders that are no longer pending.
func selectDecided(ctx context.Context, q database.Queryer, ids []uuid.UUID) ([]Order, error) {
	return queryOrdersWithDetails(ctx, q, `
		SELECT `+orderColumns+`
		FROM orders FORCE INDEX (PRIMARY)
		WHERE id IN (`+database.Placeholders(len(ids))+`) AND status <> ?`, append(database.IDs(ids), Pending)...)
}

// selectCatalog returns the catalogue entries of products, by product id, and the revision of the
// rules for prices, 0 if there are none. Products that are not in the catalogue are missing in the
// result.
func selectCatalog(ctx context.Context, q database.Queryer, ids []uuid.UUID) (catalog map[uuid.UUID]catalogEntry, revision int64, err error) {
	catalog = map[uuid.UUID]catalogEntry{}
	err = database.Each(ctx, q, func(row database.Scanner) error {
		var e catalogEntry
		if err := row.Scan(append(e.scanInto(), &revision)...); err != nil {
			return err
		}
		catalog[e.ProductID] = e
		return nil
	}, `
		SELECT `+catalogColumns+`, COALESCE((SELECT revision FROM shop_settings WHERE id = 1), 0)
		FROM catalog
		WHERE product_id IN (`+database.Placeholders(len(ids))+`)`, database.IDs(ids)...)
	if err != nil {
		return nil, 0, fmt.Errorf("read the catalog: %w", err)
	}
	return catalog, revision, nil
}

const catalogColumns = `product_id, sku, name, category, price_amount, price_currency, tax_class, weight, status, version`

// scanInto returns where catalogColumns are scanned into.
func (e *catalogEntry) scanInto() []any {
	return []any{&e.ProductID, &e.SKU, &e.Name, &e.Category, &e.Price.Amount, &e.Price.Currency, &e.TaxClass, &e.Weight, &e.Status, &e.Version}
}

// upsertCatalog stores products, except those of which the stored version is the same or newer.
// The column version is assigned last, because MySQL evaluates assignments from left to right
// and the conditions of the other columns need the old version. The products are in the order of
// their ids, so that concurrent statements do not deadlock.
func upsertCatalog(ctx context.Context, q database.Queryer, products []catalogEntry) error {
	rows := make([][]any, len(products))
	for i := range products {
		e := &products[i]
		rows[i] = []any{e.ProductID[:], e.SKU, e.Name, e.Category, e.Price.Amount, e.Price.Currency, e.TaxClass, e.Weight, e.Status, e.Version}
	}
	err := database.InsertRows(ctx, q, "catalog ("+catalogColumns+")", `
		ON DUPLICATE KEY UPDATE
			sku            = IF(VALUES(version) > version, VALUES(sku), sku),
			name           = IF(VALUES(version) > version, VALUES(name), name),
			category       = IF(VALUES(version) > version, VALUES(category), category),
			tax_class      = IF(VALUES(version) > version, VALUES(tax_class), tax_class),
			weight         = IF(VALUES(version) > version, VALUES(weight), weight),
			price_amount   = IF(VALUES(version) > version, VALUES(price_amount), price_amount),
			price_currency = IF(VALUES(version) > version, VALUES(price_currency), price_currency),
			status         = IF(VALUES(version) > version, VALUES(status), status),
			version        = GREATEST(version, VALUES(version))`, rows)
	if err != nil {
		return fmt.Errorf("store %d products from %s: %w", len(products), products[0].ProductID, err)
	}
	return nil
}
