package product

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
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
		rows[i] = []any{item.orderID[:], item.ProductID[:], item.Quantity, item.Quantity, item.UnitPrice.Amount, item.UnitPrice.Currency}
	}
	err := database.InsertRows(ctx, q, `reservation_item (order_id, product_id, quantity, unshipped, unit_price, price_currency)`, "", rows)
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
	changes := stockChanges{}
	err := database.Each(ctx, tx, func(row database.Scanner) error {
		var id uuid.UUID
		var units, unshipped int64
		err := row.Scan(&id, &units, &unshipped)
		changes.add(id, stockChange{available: units, reserved: -unshipped})
		return err
	}, `
		SELECT product_id, quantity - restocked, COALESCE(unshipped, 0)
		FROM reservation_item
		WHERE order_id IN (`+database.Placeholders(len(orderIDs))+`)`, database.IDs(orderIDs)...)
	if err != nil {
		return fmt.Errorf("read the items of %d orders from %s: %w", len(orderIDs), orderIDs[0], err)
	}
	return changeStock(ctx, tx, changes)
}

// restockItem records that units of an item are available again, and returns how the stock changes: by
// no more than are still reserved. Refunded units are not shipped any more, as far as they were not. The
// order's reservation must be locked.
func restockItem(ctx context.Context, tx *database.Tx, item reservedProduct, units restockedUnits) (change stockChange, err error) {
	change, err = database.Get(ctx, tx, func(row database.Scanner) (change stockChange, err error) {
		var unrestocked, unshipped int64
		err = row.Scan(&unrestocked, &unshipped)
		return stockChange{
			available: min(units.refunded+units.returned, unrestocked),
			reserved:  -min(units.refunded, unshipped),
		}, err
	}, `
		SELECT quantity - restocked, COALESCE(unshipped, 0)
		FROM reservation_item
		WHERE order_id = ? AND product_id = ?`, item.orderID[:], item.productID[:])
	if errors.Is(err, database.ErrNotFound) {
		return stockChange{}, nil
	}
	if err == nil && change != (stockChange{}) {
		_, err = tx.ExecContext(ctx, `
			UPDATE reservation_item
			SET restocked = restocked + ?, unshipped = unshipped + ?
			WHERE order_id = ? AND product_id = ?`, change.available, change.reserved, item.orderID[:], item.productID[:])
	}
	if err != nil {
		return stockChange{}, fmt.Errorf("restock product %s of order %s: %w", item.productID, item.orderID, err)
	}
	return change, nil
}

// selectUnshipped returns the units that are to be shipped of orders whose stock is reserved. The
// reservations must be locked.
func selectUnshipped(ctx context.Context, q database.Queryer, orderIDs []uuid.UUID) (map[reservedProduct]int64, error) {
	unshipped := map[reservedProduct]int64{}
	err := database.Each(ctx, q, func(row database.Scanner) error {
		var item reservedProduct
		var units int64
		err := row.Scan(&item.orderID, &item.productID, &units)
		unshipped[item] = units
		return err
	}, `
		SELECT order_id, product_id, unshipped
		FROM reservation_item
		WHERE order_id IN (`+database.Placeholders(len(orderIDs))+`) AND unshipped > 0`, database.IDs(orderIDs)...)
	if err != nil {
		return nil, fmt.Errorf("read the unshipped items of %d orders from %s: %w", len(orderIDs), orderIDs[0], err)
	}
	return unshipped, nil
}

// shipItems records that units of items are shipped, no more than selectUnshipped has returned. The
// statement locks the rows of their orders only, because of the index.
func shipItems(ctx context.Context, q database.Queryer, shipped map[reservedProduct]int64) error {
	orders := map[uuid.UUID]bool{}
	var args []any
	for _, item := range slices.SortedFunc(maps.Keys(shipped), reservedProduct.compare) {
		orders[item.orderID] = true
		args = append(args, item.orderID[:], item.productID[:], shipped[item])
	}
	ids := database.SortedIDs(maps.Keys(orders))
	_, err := q.ExecContext(ctx, `
		UPDATE reservation_item FORCE INDEX (PRIMARY)
		SET unshipped = unshipped - CASE`+strings.Repeat(" WHEN order_id = ? AND product_id = ? THEN ?", len(shipped))+` ELSE 0 END
		WHERE order_id IN (`+database.Placeholders(len(ids))+`)`, append(args, database.IDs(ids)...)...)
	if err != nil {
		return fmt.Errorf("ship items of %d orders from %s: %w", len(ids), ids[0], err)
	}
	return nil
}
