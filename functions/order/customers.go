package order

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// lockCustomer locks the row of a customer until the transaction ends, and reports whether
// the customer's account was deleted.
func lockCustomer(ctx context.Context, tx *database.Tx, id uuid.UUID) (deleted bool, err error) {
	const lock = `
		SELECT deleted_at IS NOT NULL
		FROM customer
		WHERE user_id = ?
		FOR UPDATE`
	deleted, err = database.Get(ctx, tx, database.ScanColumn[bool], lock, id[:])
	if !errors.Is(err, database.ErrNotFound) {
		return deleted, err
	}
	// There is no row before the customer's first order. If several transactions get here
	// at the same time, one inserts the row and the others wait for it. Their UPDATE changes
	// nothing, but locks the row.
	_, err = tx.ExecContext(ctx, `
		INSERT INTO customer (user_id)
		VALUES (?)
		ON DUPLICATE KEY UPDATE user_id = user_id`, id[:])
	if err != nil {
		return false, err
	}
	// The transaction that inserted the row may have marked it as deleted.
	return database.Get(ctx, tx, database.ScanColumn[bool], lock, id[:])
}

// markDeleted records that the account of a locked customer was deleted.
func markDeleted(ctx context.Context, tx *database.Tx, id uuid.UUID, at time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE customer
		SET deleted_at = ?
		WHERE user_id = ?`, at, id[:])
	return err
}

const pruneDeletedCustomersSQL = `DELETE FROM customer WHERE deleted_at < ? ORDER BY deleted_at LIMIT ?`

// countOpenOrders returns the number of a customer's open orders.
func countOpenOrders(ctx context.Context, q database.Queryer, userID uuid.UUID) (int64, error) {
	return database.Get(ctx, q, database.ScanColumn[int64], `
		SELECT COUNT(*)
		FROM orders
		WHERE user_id = ? AND status IN (?, ?)`, userID[:], Pending, Confirmed)
}

// sumOpenUnits returns, for each product of an order that is to be placed, the number of
// units in the customer's open orders.
func sumOpenUnits(ctx context.Context, q database.Queryer, o Order) (map[uuid.UUID]int64, error) {
	args := []any{o.UserID[:], Pending, Confirmed}
	for i := range o.Items {
		args = append(args, o.Items[i].ProductID[:])
	}
	units := map[uuid.UUID]int64{}
	return units, database.Each(ctx, q, func(row database.Scanner) error {
		var id uuid.UUID
		var sum int64
		if err := row.Scan(&id, &sum); err != nil {
			return err
		}
		units[id] = sum
		return nil
	}, `
		SELECT i.product_id, SUM(i.quantity)
		FROM orders o
		JOIN order_item i ON i.order_id = o.id
		WHERE o.user_id = ? AND o.status IN (?, ?)
			AND i.product_id IN (`+database.Placeholders(len(o.Items))+`)
		GROUP BY i.product_id`, args...)
}
