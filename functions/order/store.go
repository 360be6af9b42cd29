package order

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
)

const orderColumns = `id, user_id, status, total_amount, total_currency, shipping_address,
	version, created_at, updated_at`

func scanOrder(row database.Scanner) (Order, error) {
	var o Order
	var address []byte
	err := row.Scan(&o.ID, &o.UserID, &o.Status, &o.Total.Amount, &o.Total.Currency, &address,
		&o.Version, &o.CreatedAt, &o.UpdatedAt)
	if err != nil {
		return Order{}, err
	}
	if address != nil {
		if err := json.Unmarshal(address, &o.ShippingAddress); err != nil {
			return Order{}, fmt.Errorf("decode the address of order %s: %w", o.ID, err)
		}
	}
	return o, nil
}

func insertOrder(ctx context.Context, tx *database.Tx, o Order) error {
	var address []byte
	if o.ShippingAddress != nil {
		var err error
		if address, err = json.Marshal(o.ShippingAddress); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO orders (`+orderColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		o.ID[:], o.UserID[:], o.Status, o.Total.Amount, o.Total.Currency, address,
		o.Version, o.CreatedAt, o.UpdatedAt)
	if err != nil {
		return err
	}
	rows := make([][]any, len(o.Items))
	for i := range o.Items {
		item := &o.Items[i]
		rows[i] = []any{o.ID[:], i, item.ProductID[:], item.Name, item.UnitPrice.Amount, item.Quantity}
	}
	if err := database.InsertRows(ctx, tx, "order_item (order_id, line, product_id, name, unit_price, quantity)", "", rows); err != nil {
		return err
	}
	return insertHistoryEntry(ctx, tx, o)
}

// insertHistoryEntry inserts the last entry of an order's history. The column moved_at is the
// time of the change.
func insertHistoryEntry(ctx context.Context, tx *database.Tx, o Order) error {
	entry := o.History[len(o.History)-1]
	_, err := tx.ExecContext(ctx, `
		INSERT INTO order_history (order_id, version, status, moved_at, reason, actor, actor_id)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, o.ID[:], o.Version, entry.Status, entry.At, entry.Reason, entry.Actor, nullable(entry.actorID))
	return err
}

// nullable returns the value of a nullable column for an id: NULL for uuid.Nil.
func nullable(id uuid.UUID) []byte {
	if id == uuid.Nil {
		return nil
	}
	return id[:]
}

// saveStatusChange updates an order after changeStatus, and inserts the new history entry.
func saveStatusChange(ctx context.Context, tx *database.Tx, o Order) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE orders
		SET status = ?, version = ?, updated_at = ?
		WHERE id = ?`, o.Status, o.Version, o.UpdatedAt, o.ID[:])
	if err == nil {
		err = insertHistoryEntry(ctx, tx, o)
	}
	if err != nil {
		return fmt.Errorf("change status of order %s to %s: %w", o.ID, o.Status, err)
	}
	return nil
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

// selectPendingIDs returns the ids of pending orders, in ascending order, that are greater
// than after and less than before.
func selectPendingIDs(ctx context.Context, q database.Queryer, after, before uuid.UUID, limit int) ([]uuid.UUID, error) {
	return database.Collect(ctx, q, database.ScanColumn[uuid.UUID], `
		SELECT id
		FROM orders FORCE INDEX (orders_by_status)
		WHERE status = ? AND id > ? AND id < ?
		ORDER BY id
		LIMIT ?`, Pending, after[:], before[:], limit)
}

// lockPendingOrders returns the given orders and locks them until the transaction ends. It
// omits orders that are not pending or are locked by another transaction.
func lockPendingOrders(ctx context.Context, tx *database.Tx, ids []uuid.UUID) ([]Order, error) {
	return queryOrdersWithDetails(ctx, tx, `
		SELECT `+orderColumns+`
		FROM orders FORCE INDEX (PRIMARY)
		WHERE status = ? AND id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY id
		FOR UPDATE SKIP LOCKED`, append([]any{Pending}, database.IDs(ids)...)...)
}

// lockOpenOrders returns a customer's open orders (pending or confirmed) and locks them
// until the transaction ends.
func lockOpenOrders(ctx context.Context, tx *database.Tx, userID uuid.UUID) ([]Order, error) {
	return queryOrdersWithDetails(ctx, tx, `
		SELECT `+orderColumns+`
		FROM orders FORCE INDEX (orders_by_user_status)
		WHERE user_id = ? AND status IN (?, ?)
		ORDER BY id
		FOR UPDATE`, userID[:], Pending, Confirmed)
}

func selectStatus(ctx context.Context, q database.Queryer, id uuid.UUID) (Status, error) {
	return database.Get(ctx, q, database.ScanColumn[Status], `
		SELECT status
		FROM orders
		WHERE id = ?`, id[:])
}

// orderFilter selects the orders to list.
type orderFilter struct {
	UserID uuid.NullUUID // if it is not valid, the orders of all customers
	Status Status        // if it is empty, the orders of every status
	Before uuid.UUID     // only orders with lower ids, which are older
}

// selectOrders returns the orders that a filter selects, newest first.
func selectOrders(ctx context.Context, q database.Queryer, filter orderFilter, limit int) ([]Order, error) {
	where, args := `id < ?`, []any{filter.Before[:]}
	if filter.UserID.Valid {
		where, args = where+` AND user_id = ?`, append(args, filter.UserID.UUID[:])
	}
	if filter.Status != "" {
		where, args = where+` AND status = ?`, append(args, filter.Status)
	}
	return queryOrdersWithDetails(ctx, q, `
		SELECT `+orderColumns+`
		FROM orders
		WHERE `+where+`
		ORDER BY id DESC
		LIMIT ?`, append(args, limit)...)
}

// selectCatalog returns the catalogue entries of products, by product id. Products that are
// not in the catalogue are missing in the result.
func selectCatalog(ctx context.Context, q database.Queryer, ids []uuid.UUID) (map[uuid.UUID]catalogEntry, error) {
	catalog := map[uuid.UUID]catalogEntry{}
	err := database.Each(ctx, q, func(row database.Scanner) error {
		var e catalogEntry
		if err := row.Scan(&e.ProductID, &e.Name, &e.Price.Amount, &e.Price.Currency, &e.Status, &e.Version); err != nil {
			return err
		}
		catalog[e.ProductID] = e
		return nil
	}, `
		SELECT product_id, name, price_amount, price_currency, status, version
		FROM catalog
		WHERE product_id IN (`+database.Placeholders(len(ids))+`)`, database.IDs(ids)...)
	if err != nil {
		return nil, fmt.Errorf("read the catalog: %w", err)
	}
	return catalog, nil
}

// upsertCatalog stores a product unless the stored version is the same or newer. The column
// version is assigned last, because MySQL evaluates assignments from left to right and the
// conditions of the other columns need the old version.
func upsertCatalog(ctx context.Context, q database.Queryer, e catalogEntry) error {
	_, err := q.ExecContext(ctx, `
		INSERT INTO catalog (product_id, name, price_amount, price_currency, status, version)
		VALUES (?, ?, ?, ?, ?, ?)
		ON DUPLICATE KEY UPDATE
			name           = IF(VALUES(version) > version, VALUES(name), name),
			price_amount   = IF(VALUES(version) > version, VALUES(price_amount), price_amount),
			price_currency = IF(VALUES(version) > version, VALUES(price_currency), price_currency),
			status         = IF(VALUES(version) > version, VALUES(status), status),
			version        = GREATEST(version, VALUES(version))`,
		e.ProductID[:], e.Name, e.Price.Amount, e.Price.Currency, e.Status, e.Version)
	if err != nil {
		return fmt.Errorf("store version %d of product %s: %w", e.Version, e.ProductID, err)
	}
	return nil
}
