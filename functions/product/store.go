package product

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

const productColumns = `id, sku, name, description, category, price_amount, price_currency,
	available, status, version, created_at, updated_at`

type row interface{ Scan(dest ...any) error }

func scanProduct(r row) (p Product, err error) {
	err = r.Scan(&p.ID, &p.SKU, &p.Name, &p.Description, &p.Category, &p.Price.Amount, &p.Price.Currency,
		&p.Available, &p.Status, &p.Version, &p.CreatedAt, &p.UpdatedAt)
	return p, err
}

func insertProduct(ctx context.Context, q database.Queryer, p Product) error {
	_, err := q.ExecContext(ctx, `
		INSERT INTO product (`+productColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.ID[:], p.SKU, p.Name, p.Description, p.Category, p.Price.Amount, p.Price.Currency,
		p.Available, p.Status, p.Version, p.CreatedAt, p.UpdatedAt)
	return err
}

func selectProduct(ctx context.Context, q database.Queryer, id uuid.UUID) (Product, error) {
	return scanProduct(q.QueryRowContext(ctx, `
		SELECT `+productColumns+`
		FROM product
		WHERE id = ?`, id[:]))
}

func lockProduct(ctx context.Context, tx *database.Tx, id uuid.UUID) (Product, error) {
	return scanProduct(tx.QueryRowContext(ctx, `
		SELECT `+productColumns+`
		FROM product
		WHERE id = ?
		FOR UPDATE`, id[:]))
}

// selectProducts returns active products before a key, newest first. An empty
// category means every category.
func selectProducts(ctx context.Context, q database.Queryer, category string, before uuid.UUID, limit int) ([]Product, error) {
	where, args := "", []any{Active, before[:]}
	if category != "" {
		where, args = "AND category = ?", append(args, category)
	}
	rows, err := q.QueryContext(ctx, `
		SELECT `+productColumns+`
		FROM product
		WHERE status = ? AND id < ? `+where+`
		ORDER BY id DESC
		LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var products []Product
	for rows.Next() {
		p, err := scanProduct(rows)
		if err != nil {
			return nil, err
		}
		products = append(products, p)
	}
	return products, rows.Err()
}

func updateProduct(ctx context.Context, q database.Queryer, p Product) error {
	_, err := q.ExecContext(ctx, `
		UPDATE product
		SET name = ?, description = ?, category = ?, price_amount = ?, price_currency = ?,
			status = ?, version = ?, updated_at = ?
		WHERE id = ?`,
		p.Name, p.Description, p.Category, p.Price.Amount, p.Price.Currency,
		p.Status, p.Version, p.UpdatedAt, p.ID[:])
	return err
}

// A movement is one booking of stock that no order made.
type movement struct {
	ProductID uuid.UUID
	Delta     int64
	Reason    string
	By        uuid.UUID
	At        time.Time
}

func insertMovement(ctx context.Context, q database.Queryer, m movement) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make a movement id: %w", err)
	}
	_, err = q.ExecContext(ctx, `
		INSERT INTO stock_movement (id, product_id, delta, reason, moved_by, moved_at)
		VALUES (?, ?, ?, ?, ?, ?)`,
		id[:], m.ProductID[:], m.Delta, m.Reason, m.By[:], m.At)
	return err
}

// moveStock adds delta to a product's stock, unless that leaves 0 to MaxStock.
func moveStock(ctx context.Context, q database.Queryer, id uuid.UUID, delta int64) (moved bool, err error) {
	return affected(q.ExecContext(ctx, `
		UPDATE product
		SET available = available + ?
		WHERE id = ? AND available + ? BETWEEN 0 AND ?`, delta, id[:], delta, MaxStock))
}

// takeStock takes the pieces of an item, if they are there, are sold, and cost
// what the order was placed at. It is the only statement that takes stock for an
// order: condition and change in one, so that no two orders get one piece.
func takeStock(ctx context.Context, q database.Queryer, item placedItem) (taken bool, err error) {
	taken, err = affected(q.ExecContext(ctx, `
		UPDATE product
		SET available = available - ?
		WHERE id = ? AND available >= ? AND status = ? AND price_amount = ? AND price_currency = ?`,
		item.Quantity, item.ProductID[:], item.Quantity, Active, item.UnitPrice.Amount, item.UnitPrice.Currency))
	if err != nil {
		return false, fmt.Errorf("take %d of product %s: %w", item.Quantity, item.ProductID, err)
	}
	return taken, nil
}

// The states of a reservation.
const (
	reserved = "reserved" // the order has its pieces
	rejected = "rejected" // the order gets none
	released = "released" // the pieces are back, or were never to be taken
)

// insertReservation notes an order's reservation, and returns false when the
// order has one.
func insertReservation(ctx context.Context, q database.Queryer, orderID uuid.UUID, state string, at time.Time) (first bool, err error) {
	_, err = q.ExecContext(ctx, `
		INSERT INTO reservation (order_id, state, updated_at)
		VALUES (?, ?, ?)`, orderID[:], state, at)
	if database.IsDuplicate(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("note the reservation of order %s: %w", orderID, err)
	}
	return true, nil
}

func lockReservation(ctx context.Context, tx *database.Tx, orderID uuid.UUID) (state string, err error) {
	err = tx.QueryRowContext(ctx, `
		SELECT state
		FROM reservation
		WHERE order_id = ?
		FOR UPDATE`, orderID[:]).Scan(&state)
	return state, err
}

func updateReservation(ctx context.Context, q database.Queryer, orderID uuid.UUID, state string, at time.Time) error {
	_, err := q.ExecContext(ctx, `
		UPDATE reservation
		SET state = ?, updated_at = ?
		WHERE order_id = ?`, state, at, orderID[:])
	if err != nil {
		return fmt.Errorf("set the reservation of order %s to %s: %w", orderID, state, err)
	}
	return nil
}

func insertReservedItems(ctx context.Context, q database.Queryer, orderID uuid.UUID, items []placedItem) error {
	var args []any
	for i := range items {
		args = append(args, orderID[:], items[i].ProductID[:], items[i].Quantity)
	}
	_, err := q.ExecContext(ctx, `
		INSERT INTO reservation_item (order_id, product_id, quantity)
		VALUES (?, ?, ?)`+strings.Repeat(", (?, ?, ?)", len(items)-1), args...)
	if err != nil {
		return fmt.Errorf("note the items of order %s: %w", orderID, err)
	}
	return nil
}

// returnStock gives back what an order has reserved, products in id order as
// reservations take them.
func returnStock(ctx context.Context, tx *database.Tx, orderID uuid.UUID) error {
	rows, err := tx.QueryContext(ctx, `
		SELECT product_id, quantity
		FROM reservation_item
		WHERE order_id = ?
		ORDER BY product_id`, orderID[:])
	if err != nil {
		return fmt.Errorf("read the items of order %s: %w", orderID, err)
	}
	defer rows.Close()
	var items []placedItem
	for rows.Next() {
		var item placedItem
		if err := rows.Scan(&item.ProductID, &item.Quantity); err != nil {
			return fmt.Errorf("read the items of order %s: %w", orderID, err)
		}
		items = append(items, item)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the items of order %s: %w", orderID, err)
	}
	for _, item := range items {
		_, err := tx.ExecContext(ctx, `
			UPDATE product
			SET available = available + ?
			WHERE id = ?`, item.Quantity, item.ProductID[:])
		if err != nil {
			return fmt.Errorf("return %d of product %s: %w", item.Quantity, item.ProductID, err)
		}
	}
	return nil
}

const itemsSavepoint = "items"

func savepoint(ctx context.Context, tx *database.Tx) error {
	_, err := tx.ExecContext(ctx, `SAVEPOINT `+itemsSavepoint)
	return err
}

func rollbackToSavepoint(ctx context.Context, tx *database.Tx) error {
	_, err := tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT `+itemsSavepoint)
	return err
}

// affected says whether a statement found its row.
func affected(result interface{ RowsAffected() (int64, error) }, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}
