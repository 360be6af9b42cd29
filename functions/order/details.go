package order

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
)

// loadItemsAndHistory reads the items and the history of orders into them, with two
// statements for any number of orders.
func loadItemsAndHistory(ctx context.Context, q database.Queryer, orders []Order) error {
	if len(orders) == 0 {
		return nil
	}
	byID := map[uuid.UUID]*Order{}
	var ids []any
	for i := range orders {
		o := &orders[i]
		o.Items, o.History = []Item{}, []HistoryEntry{}
		byID[o.ID] = o
		ids = append(ids, o.ID[:])
	}
	if err := loadItems(ctx, q, byID, ids); err != nil {
		return fmt.Errorf("read the items of %d orders: %w", len(orders), err)
	}
	if err := loadHistory(ctx, q, byID, ids); err != nil {
		return fmt.Errorf("read the history of %d orders: %w", len(orders), err)
	}
	return nil
}

func loadItems(ctx context.Context, q database.Queryer, orders map[uuid.UUID]*Order, ids []any) error {
	return database.Each(ctx, q, func(row database.Scanner) error {
		var id uuid.UUID
		var item Item
		err := row.Scan(&id, &item.ProductID, &item.Name, &item.UnitPrice.Amount, &item.Quantity)
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
		SELECT order_id, product_id, name, unit_price, quantity
		FROM order_item
		WHERE order_id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY order_id, line`, ids...)
}

func loadHistory(ctx context.Context, q database.Queryer, orders map[uuid.UUID]*Order, ids []any) error {
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
	err = loadItemsAndHistory(ctx, q, orders)
	return orders[0], err
}

// queryOrdersWithDetails returns the orders that a query selects, with their items and
// histories.
func queryOrdersWithDetails(ctx context.Context, q database.Queryer, query string, args ...any) ([]Order, error) {
	orders, err := database.Collect(ctx, q, scanOrder, query, args...)
	if err != nil {
		return nil, err
	}
	return orders, loadItemsAndHistory(ctx, q, orders)
}
