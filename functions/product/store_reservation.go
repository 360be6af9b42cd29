package product

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// The states of a reservation.
const (
	reserved = "reserved" // all items are reserved
	rejected = "rejected" // no item is reserved
	released = "released" // the items were released, or must not be reserved
)

// insertReservations inserts the reservations of those orders that have none, and returns these
// orders.
func insertReservations(ctx context.Context, tx *database.Tx, orderIDs []uuid.UUID, state string, at time.Time) (inserted map[uuid.UUID]bool, err error) {
	inserted, err = database.InsertMissing(database.SortedIDs(slices.Values(orderIDs)), func(ids []uuid.UUID) error {
		rows := make([][]any, len(ids))
		for i := range ids {
			rows[i] = []any{ids[i][:], state, at}
		}
		return database.InsertRows(ctx, tx, "reservation (order_id, state, updated_at)", "", rows)
	}, func(ids []uuid.UUID) (map[uuid.UUID]bool, error) {
		exists := map[uuid.UUID]bool{}
		states, err := lockReservations(ctx, tx, ids)
		for id := range states {
			exists[id] = true
		}
		return exists, err
	})
	if err != nil {
		return nil, fmt.Errorf("insert reservations of %d orders from %s: %w", len(orderIDs), orderIDs[0], err)
	}
	return inserted, nil
}

// lockReservations returns the states of the reservations of orders, and locks them until the
// transaction ends.
func lockReservations(ctx context.Context, tx *database.Tx, orderIDs []uuid.UUID) (states map[uuid.UUID]string, err error) {
	states = map[uuid.UUID]string{}
	if len(orderIDs) == 0 {
		return states, nil
	}
	err = database.Each(ctx, tx, func(row database.Scanner) error {
		var id uuid.UUID
		var state string
		err := row.Scan(&id, &state)
		states[id] = state
		return err
	}, `
		SELECT order_id, state
		FROM reservation
		WHERE order_id IN (`+database.Placeholders(len(orderIDs))+`)
		ORDER BY order_id
		FOR UPDATE`, database.IDs(orderIDs)...)
	if err != nil {
		return nil, fmt.Errorf("lock the reservations of %d orders from %s: %w", len(orderIDs), orderIDs[0], err)
	}
	return states, nil
}

func updateReservations(ctx context.Context, q database.Queryer, orderIDs []uuid.UUID, state string, at time.Time) error {
	if len(orderIDs) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx, `
		UPDATE reservation
		SET state = ?, updated_at = ?
		WHERE order_id IN (`+database.Placeholders(len(orderIDs))+`)`, append([]any{state, at}, database.IDs(orderIDs)...)...)
	if err != nil {
		return fmt.Errorf("update reservations of %d orders from %s to %s: %w", len(orderIDs), orderIDs[0], state, err)
	}
	return nil
}

func insertReservedItems(ctx context.Context, q database.Queryer, items []reservedItem) error {
	rows := make([][]any, len(items))
	for i := range items {
		item := &items[i]
		rows[i] = []any{item.orderID[:], item.ProductID[:], item.Quantity, item.UnitPrice.Amount, item.UnitPrice.Currency}
	}
	err := database.InsertRows(ctx, q, `reservation_item (order_id, product_id, quantity, unit_price, price_currency)`, "", rows)
	if err != nil {
		return fmt.Errorf("insert %d reserved items: %w", len(items), err)
	}
	return nil
}

// releaseStock releases the stock that is reserved for orders, and was not restocked. It locks
// products in the order of their ids, as reservations do.
func releaseStock(ctx context.Context, tx *database.Tx, orderIDs []uuid.UUID) error {
	if len(orderIDs) == 0 {
		return nil
	}
	quantities := map[uuid.UUID]int64{}
	err := database.Each(ctx, tx, func(row database.Scanner) error {
		var item placedItem
		err := row.Scan(&item.ProductID, &item.Quantity)
		quantities[item.ProductID] += item.Quantity
		return err
	}, `
		SELECT product_id, quantity - restocked
		FROM reservation_item
		WHERE order_id IN (`+database.Placeholders(len(orderIDs))+`)`, database.IDs(orderIDs)...)
	if err != nil {
		return fmt.Errorf("read the items of %d orders from %s: %w", len(orderIDs), orderIDs[0], err)
	}
	return returnStock(ctx, tx, quantities)
}

// returnStock makes units of products available again. It locks products in the order of their
// ids.
func returnStock(ctx context.Context, tx *database.Tx, units map[uuid.UUID]int64) error {
	if len(units) == 0 {
		return nil
	}
	ids := database.SortedIDs(maps.Keys(units))
	quantity, args := quantityByID(ids, units)
	_, err := tx.ExecContext(ctx, updateStock+` + `+quantity+`
		WHERE id IN (`+database.Placeholders(len(ids))+`)`, append(args, database.IDs(ids)...)...)
	if err != nil {
		return fmt.Errorf("return the stock of %d products from %s: %w", len(ids), ids[0], err)
	}
	return nil
}

// restockItem records that units of an item are available again. It returns how many: no more than
// are still reserved. The order's reservation must be locked.
func restockItem(ctx context.Context, tx *database.Tx, item reservedProduct, units int64) (int64, error) {
	held, err := database.Get(ctx, tx, database.ScanColumn[int64], `
		SELECT quantity - restocked
		FROM reservation_item
		WHERE order_id = ? AND product_id = ?`, item.orderID[:], item.productID[:])
	if errors.Is(err, database.ErrNotFound) {
		return 0, nil
	}
	if units = min(units, held); err == nil && units > 0 {
		_, err = tx.ExecContext(ctx, `
			UPDATE reservation_item
			SET restocked = restocked + ?
			WHERE order_id = ? AND product_id = ?`, units, item.orderID[:], item.productID[:])
	}
	if err != nil {
		return 0, fmt.Errorf("restock product %s of order %s: %w", item.productID, item.orderID, err)
	}
	return units, nil
}
