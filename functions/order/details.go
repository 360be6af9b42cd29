package order

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"souk/shared/database"
)

// loadDetails reads the items, the history and, if units were shipped, the shipments and returns of
// orders into them, with two or four statements for any number of orders.
func loadDetails(ctx context.Context, q database.Queryer, orders []Order) error {
	if len(orders) == 0 {
		return nil
	}
	byID := map[uuid.UUID]*Order{}
	for i := range orders {
		o := &orders[i]
		o.History = []HistoryEntry{}
		byID[o.ID] = o
	}
	if err := loadItems(ctx, q, byID); err != nil {
		return err
	}
	if err := loadHistory(ctx, q, byID); err != nil {
		return fmt.Errorf("read the history of %d orders: %w", len(orders), err)
	}
	return loadShipments(ctx, q, byID)
}

// loadItems reads the items of orders into them, with one statement.
func loadItems(ctx context.Context, q database.Queryer, orders map[uuid.UUID]*Order) error {
	if len(orders) == 0 {
		return nil
	}
	for _, o := range orders {
		o.Items = []Item{}
	}
	ids := orderIDs(orders)
	err := database.Each(ctx, q, func(row database.Scanner) error {
		var id uuid.UUID
		var item Item
		err := row.Scan(&id, &item.ProductID, &item.SKU, &item.Name, &item.UnitPrice.Amount, &item.Quantity, &item.Withdrawn, &item.Returned)
		if err != nil {
			return err
		}
		o := orders[id]
		item.UnitPrice.Currency = o.Total.Currency
		if item.LineTotal, err = item.UnitPrice.Times(item.Quantity); err != nil {
			return err
		}
		o.Items = append(o.Items, item)
		return nil
	}, `
		SELECT order_id, product_id, sku, name, unit_price, quantity, withdrawn, taken_back
		FROM order_item
		WHERE order_id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY order_id, line`, ids...)
	if err != nil {
		return fmt.Errorf("read the items of %d orders: %w", len(orders), err)
	}
	for _, o := range orders {
		o.showPrices()
	}
	return nil
}

// orderIDs returns the ids of orders as arguments of a statement.
func orderIDs(orders map[uuid.UUID]*Order) []any {
	return database.IDs(slices.Collect(maps.Keys(orders)))
}

func loadHistory(ctx context.Context, q database.Queryer, orders map[uuid.UUID]*Order) error {
	ids := orderIDs(orders)
	return database.Each(ctx, q, func(row database.Scanner) error {
		var id uuid.UUID
		var entry HistoryEntry
		if err := row.Scan(&id, &entry.Status, &entry.At, &entry.Actor, &entry.Reason); err != nil {
			return err
		}
		o := orders[id]
		o.History = append(o.History, entry)
		return nil
	}, `
		SELECT order_id, status, moved_at, actor, reason
		FROM order_history
		WHERE order_id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY order_id, version`, ids...)
}

// getOrderWithDetails returns the order that a query selects, with its items and history.
func getOrderWithDetails(ctx context.Context, q database.Queryer, query string, args ...any) (Order, error) {
	o, err := database.Get(ctx, q, scanOrder, query, args...)
	if err != nil {
		return Order{}, err
	}
	orders := []Order{o}
	err = loadDetails(ctx, q, orders)
	return orders[0], err
}

// queryOrdersWithDetails returns the orders that a query selects, with their items and
// histories.
func queryOrdersWithDetails(ctx context.Context, q database.Queryer, query string, args ...any) ([]Order, error) {
	orders, err := database.Collect(ctx, q, scanOrder, query, args...)
	if err != nil {
		return nil, err
	}
	return orders, loadDetails(ctx, q, orders)
}
