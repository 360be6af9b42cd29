package payment

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/database"
	"souk/shared/money"
	"souk/shared/pricing"
)

// orderPlaced are the fields of the event order-placed that the service stores, for refunds and
// invoices.
type orderPlaced struct {
	OrderID         uuid.UUID              `json:"orderId"`
	UserID          uuid.UUID              `json:"userId"`
	Items           []orderItem            `json:"items"`
	Total           money.Money            `json:"total"`
	Quote           *pricing.Quote         `json:"quote"`
	Email           string                 `json:"email"`
	Name            string                 `json:"name"`
	BillingAddress  *address.PostalAddress `json:"billingAddress"`
	ShippingAddress *address.PostalAddress `json:"shippingAddress"`
	// Payment is required if the order is to be paid.
	Payment string `json:"payment"`
}

// orderItem is an item of an order.
type orderItem struct {
	ProductID uuid.UUID   `json:"productId"`
	Name      string      `json:"name"`
	Quantity  int64       `json:"quantity"`
	UnitPrice money.Money `json:"unitPrice"`
}

// orderCopy is the service's own copy of an order, as it was placed.
type orderCopy struct {
	orderPlaced

	placedAt time.Time
}

// insertOrderCopy stores the copy of an order, unless there is one. The personal data of a guest,
// whose orders alone have an e-mail address, is stored for guestRetention.
func insertOrderCopy(ctx context.Context, tx *database.Tx, o orderPlaced, placedAt time.Time, guestRetention time.Duration) error {
	row := []any{o.OrderID[:], o.UserID[:], o.Total.Amount, o.Total.Currency}
	for _, value := range []any{o.Quote, o.Items, o.BillingAddress, o.ShippingAddress} {
		text, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("encode the copy of order %s: %w", o.OrderID, err)
		}
		row = append(row, sql.NullString{String: string(text), Valid: string(text) != "null"})
	}
	if o.Items == nil {
		row[5] = "[]"
	}
	row = append(row, nullText(o.Email), nullText(o.Name), placedAt, placedAt.Add(orderCopyRetention),
		sql.NullTime{Time: placedAt.Add(guestRetention), Valid: o.Email != ""})
	_, err := database.InsertMissing([]uuid.UUID{o.OrderID}, func([]uuid.UUID) error {
		return database.InsertRows(ctx, tx,
			"order_copy (order_id, user_id, total, currency, quote, items, billing_address, shipping_address, email, name, placed_at, expires_at, guest_until)", "", [][]any{row})
	}, nil)
	if err != nil {
		return fmt.Errorf("insert the copy of order %s: %w", o.OrderID, err)
	}
	return nil
}

// selectOrderCopy returns the copy of an order, or database.ErrNotFound.
func selectOrderCopy(ctx context.Context, q database.Queryer, orderID uuid.UUID) (orderCopy, error) {
	o, err := database.Get(ctx, q, scanOrderCopy, `
		SELECT order_id, user_id, total, currency, quote, items, billing_address, shipping_address, email, name, placed_at
		FROM order_copy
		WHERE order_id = ?`, orderID[:])
	if err != nil {
		return orderCopy{}, fmt.Errorf("read the copy of order %s: %w", orderID, err)
	}
	return o, nil
}

// lockOwner returns the user of the copy of an order, and locks it until the transaction ends, or
// returns database.ErrNotFound.
func lockOwner(ctx context.Context, tx *database.Tx, orderID uuid.UUID) (uuid.UUID, error) {
	return database.Get(ctx, tx, database.ScanColumn[uuid.UUID], `
		SELECT user_id
		FROM order_copy
		WHERE order_id = ?
		FOR UPDATE`, orderID[:])
}

func scanOrderCopy(row database.Scanner) (o orderCopy, err error) {
	var quote, items, billing, shipping []byte
	var email, name sql.NullString
	err = row.Scan(&o.OrderID, &o.UserID, &o.Total.Amount, &o.Total.Currency, &quote, &items, &billing, &shipping, &email, &name, &o.placedAt)
	if err != nil {
		return orderCopy{}, err
	}
	o.Email, o.Name = email.String, name.String
	for _, column := range []struct {
		text []byte
		into any
	}{{quote, &o.Quote}, {items, &o.Items}, {billing, &o.BillingAddress}, {shipping, &o.ShippingAddress}} {
		if column.text == nil {
			continue
		}
		if err := json.Unmarshal(column.text, column.into); err != nil {
			return orderCopy{}, fmt.Errorf("decode the copy of order %s: %w", o.OrderID, err)
		}
	}
	return o, nil
}
