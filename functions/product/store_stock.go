package product

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// movement is one change of a product's stock other than by an order.
type movement struct {
	ProductID uuid.UUID
	Delta     int64
	Reason    string
	By        uuid.UUID
	At        time.Time

	importID   []byte // nil for a movement that is not from an import
	importLine int
}

func insertMovements(ctx context.Context, q database.Queryer, movements ...movement) error {
	rows := make([][]any, len(movements))
	for i := range movements {
		m := &movements[i]
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("create a movement id: %w", err)
		}
		line := sql.NullInt64{Int64: int64(m.importLine), Valid: m.importID != nil}
		source := movementSource(ctx, id, m)
		rows[i] = []any{id[:], m.ProductID[:], m.Delta, m.Reason, m.By[:], m.At, m.importID, line, source[:]}
	}
	return database.InsertRows(ctx, q, `stock_movement (id, product_id, delta, reason, moved_by, moved_at, import_id, import_line, source)`, "", rows)
}

// moveStock adds delta to a product's stock, and reports whether it did. It does not if
// the stock would be below 0 or above MaxStock.
func moveStock(ctx context.Context, q database.Queryer, id uuid.UUID, delta int64) (moved bool, err error) {
	return database.Affected(q.ExecContext(ctx, `
		UPDATE product
		SET available = available + ?
		WHERE id = ? AND available + ? BETWEEN 0 AND ?`, delta, id[:], delta, MaxStock))
}

// reserveStock reserves the units of an item, and reports whether it did. It does if
// they are available, the product is active, and its price is the price of the order.
// It is the only statement that reserves stock. Condition and change are one statement,
// so that no two orders reserve the same unit.
func reserveStock(ctx context.Context, q database.Queryer, item placedItem) (ok bool, err error) {
	ok, err = database.Affected(q.ExecContext(ctx, `
		UPDATE product
		SET available = available - ?
		WHERE id = ? AND available >= ? AND status = ? AND price_amount = ? AND price_currency = ?`,
		item.Quantity, item.ProductID[:], item.Quantity, Active, item.UnitPrice.Amount, item.UnitPrice.Currency))
	if err != nil {
		return false, fmt.Errorf("reserve %d of product %s: %w", item.Quantity, item.ProductID, err)
	}
	return ok, nil
}

// The states of a reservation.
const (
	reserved = "reserved" // all items are reserved
	rejected = "rejected" // no item is reserved
	released = "released" // the items were released, or must not be reserved
)

// insertReservation inserts an order's reservation. first is false if the order has one
// already.
func insertReservation(ctx context.Context, q database.Queryer, orderID uuid.UUID, state string, at time.Time) (first bool, err error) {
	_, err = q.ExecContext(ctx, `
		INSERT INTO reservation (order_id, state, updated_at)
		VALUES (?, ?, ?)`, orderID[:], state, at)
	if database.IsDuplicate(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("insert reservation of order %s: %w", orderID, err)
	}
	return true, nil
}

func lockReservation(ctx context.Context, q database.Queryer, orderID uuid.UUID) (state string, err error) {
	return database.Get(ctx, q, database.ScanColumn[string], `
		SELECT state
		FROM reservation
		WHERE order_id = ?
		FOR UPDATE`, orderID[:])
}

func updateReservation(ctx context.Context, q database.Queryer, orderID uuid.UUID, state string, at time.Time) error {
	_, err := q.ExecContext(ctx, `
		UPDATE reservation
		SET state = ?, updated_at = ?
		WHERE order_id = ?`, state, at, orderID[:])
	if err != nil {
		return fmt.Errorf("update reservation of order %s to %s: %w", orderID, state, err)
	}
	return nil
}

func insertReservedItems(ctx context.Context, q database.Queryer, orderID uuid.UUID, items []placedItem) error {
	rows := make([][]any, len(items))
	for i := range items {
		item := &items[i]
		rows[i] = []any{orderID[:], item.ProductID[:], item.Quantity, item.UnitPrice.Amount, item.UnitPrice.Currency}
	}
	err := database.InsertRows(ctx, q, `reservation_item (order_id, product_id, quantity, unit_price, price_currency)`, "", rows)
	if err != nil {
		return fmt.Errorf("insert reserved items of order %s: %w", orderID, err)
	}
	return nil
}

// releaseStock releases the stock that is reserved for an order. It locks products in
// the order of their ids, as reservations do.
func releaseStock(ctx context.Context, q database.Queryer, orderID uuid.UUID) error {
	items, err := database.Collect(ctx, q, scanReservedItem, `
		SELECT product_id, quantity
		FROM reservation_item
		WHERE order_id = ?
		ORDER BY product_id`, orderID[:])
	if err != nil {
		return fmt.Errorf("read the items of order %s: %w", orderID, err)
	}
	for _, item := range items {
		_, err := q.ExecContext(ctx, `
			UPDATE product
			SET available = available + ?
			WHERE id = ?`, item.Quantity, item.ProductID[:])
		if err != nil {
			return fmt.Errorf("release %d of product %s: %w", item.Quantity, item.ProductID, err)
		}
	}
	return nil
}

func scanReservedItem(row database.Scanner) (item placedItem, err error) {
	err = row.Scan(&item.ProductID, &item.Quantity)
	return item, err
}

const itemsSavepoint = "items"

func savepoint(ctx context.Context, q database.Queryer) error {
	_, err := q.ExecContext(ctx, `SAVEPOINT `+itemsSavepoint)
	return err
}

func rollbackToSavepoint(ctx context.Context, q database.Queryer) error {
	_, err := q.ExecContext(ctx, `ROLLBACK TO SAVEPOINT `+itemsSavepoint)
	return err
}
