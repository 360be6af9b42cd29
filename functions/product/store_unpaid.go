package product

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// unpaidItem is an item that is reserved for an unpaid order of a source.
type unpaidItem struct {
	source uuid.UUID
	reservedItem
}

// sumUnpaidUnits returns the units that are reserved for the unpaid orders of sources. There are few:
// the order service limits the unpaid orders of each source.
func sumUnpaidUnits(ctx context.Context, q database.Queryer, sources []uuid.UUID) (map[sourceProduct]int64, error) {
	units := map[sourceProduct]int64{}
	return units, database.Each(ctx, q, func(row database.Scanner) error {
		var key sourceProduct
		var sum int64
		err := row.Scan(&key.source, &key.product, &sum)
		units[key] = sum
		return err
	}, `
		SELECT source, product_id, SUM(quantity)
		FROM unpaid_item
		WHERE source IN (`+database.Placeholders(len(sources))+`)
		GROUP BY source, product_id`, database.IDs(sources)...)
}

func insertUnpaidItems(ctx context.Context, q database.Queryer, items []unpaidItem, at time.Time) error {
	if len(items) == 0 {
		return nil
	}
	rows := make([][]any, len(items))
	for i := range items {
		item := &items[i]
		rows[i] = []any{item.orderID[:], item.ProductID[:], item.source[:], item.Quantity, at}
	}
	if err := database.InsertRows(ctx, q, "unpaid_item (order_id, product_id, source, quantity, reserved_at)", "", rows); err != nil {
		return fmt.Errorf("insert %d unpaid items: %w", len(items), err)
	}
	return nil
}

// deleteUnpaidItems deletes the items of orders that are paid or cancelled.
func deleteUnpaidItems(ctx context.Context, q database.Queryer, orderIDs []uuid.UUID) error {
	if len(orderIDs) == 0 {
		return nil
	}
	_, err := q.ExecContext(ctx, `
		DELETE FROM unpaid_item
		WHERE order_id IN (`+database.Placeholders(len(orderIDs))+`)`, database.IDs(orderIDs)...)
	if err != nil {
		return fmt.Errorf("delete the unpaid items of %d orders from %s: %w", len(orderIDs), orderIDs[0], err)
	}
	return nil
}

const pruneUnpaidItemsSQL = `DELETE FROM unpaid_item WHERE reserved_at < ? ORDER BY reserved_at LIMIT ?`
