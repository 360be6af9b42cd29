package order

import (
	"context"
	"fmt"

	"souk/functions/order/internal/number"
	"souk/functions/order/internal/search"
	"souk/shared/database"
)

// insertOrders inserts new orders with their items, histories and search words.
func insertOrders(ctx context.Context, tx *database.Tx, placed []*placement) error {
	orders := ordersOf(placed)
	if err := insertOrderRows(ctx, tx, orders); err != nil {
		return err
	}
	var items [][]any
	documents, history := make([]search.Document, len(orders)), make([]historyRow, len(placed))
	for i, p := range placed {
		history[i] = historyRow{p.order, p.context}
	}
	for i, o := range orders {
		documents[i] = o.document()
		for line := range o.Items {
			item := &o.Items[line]
			items = append(items, []any{o.ID[:], line, item.ProductID[:], item.SKU, item.Name, item.UnitPrice.Amount, item.Quantity})
		}
	}
	if err := database.InsertRows(ctx, tx, "order_item (order_id, line, product_id, sku, name, unit_price, quantity)", "", items); err != nil {
		return err
	}
	if err := search.Insert(ctx, tx, documents...); err != nil {
		return err
	}
	if err := insertGuestOrders(ctx, tx, orders); err != nil {
		return err
	}
	return insertHistoryEntries(ctx, tx, history)
}

// keyOfNumbers is the unique key of the numbers.
const keyOfNumbers = "orders_by_number"

// numberTries is how often orders are inserted with other numbers. With ten million orders, one of
// 100,000 new numbers is taken.
const numberTries = 5

// insertOrderRows inserts the rows of new orders. If a number is taken, all get others: the server has
// undone the statement, and not the transaction.
func insertOrderRows(ctx context.Context, tx *database.Tx, orders []*Order) error {
	for try := 1; ; try++ {
		rows := make([][]any, len(orders))
		for i, o := range orders {
			row, err := o.row()
			if err != nil {
				return fmt.Errorf("order %s: %w", o.ID, err)
			}
			rows[i] = row
		}
		err := database.InsertRows(ctx, tx, "orders ("+newOrderColumns+")", "", rows)
		if database.DuplicateKey(err) != keyOfNumbers || try == numberTries {
			return err
		}
		for _, o := range orders {
			o.Number = number.Format(number.New())
		}
	}
}

// row returns the values of newOrderColumns.
func (o *Order) row() ([]any, error) {
	shippingAddress, err := encodeNullable(o.ShippingAddress)
	if err != nil {
		return nil, err
	}
	quote, err := encodeNullable(o.quote)
	if err != nil {
		return nil, err
	}
	contact, err := o.contactValues()
	if err != nil {
		return nil, err
	}
	stored, _ := number.Parse(o.Number)
	return append([]any{
		o.ID[:], nullableText(stored), o.UserID[:], o.Status, o.Total.Amount, o.Total.Currency, o.Payment, shippingAddress, o.Version, o.CreatedAt, o.UpdatedAt, quote,
	}, contact...), nil
}

// document returns the texts by which the order is found.
func (o *Order) document() search.Document {
	d := search.Document{ID: o.ID, Persons: []string{o.Name}}
	if o.ShippingAddress != nil {
		d.Persons = append(d.Persons, o.ShippingAddress.Name, o.ShippingAddress.Company)
	}
	if o.BillingAddress != nil {
		d.Persons = append(d.Persons, o.BillingAddress.Name, o.BillingAddress.Company)
	}
	for i := range o.Items {
		d.Products = append(d.Products, o.Items[i].SKU, o.Items[i].Name)
	}
	return d
}
