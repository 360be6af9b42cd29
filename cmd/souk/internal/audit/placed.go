package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// placedEvent is the payload of the event order-placed.
type placedEvent struct {
	Items []struct {
		ProductID uuid.UUID `json:"productId"`
		Quantity  int64     `json:"quantity"`
		UnitPrice amount    `json:"unitPrice"`
	} `json:"items"`
	Total amount `json:"total"`
}

type amount struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

func (a amount) String() string { return fmt.Sprintf("%d %s", a.Amount, a.Currency) }

// placed compares orders with their events order-placed, as long as these are
// retained.
func (a *auditor) placed(ctx context.Context) error {
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		var total amount
		var lines sql.NullString
		var payload []byte
		if err := rows.Scan(&id, &total.Amount, &total.Currency, &lines, &payload); err != nil {
			return err
		}
		a.placedPrice(id, total, lines.String, payload)
		return nil
	}, `
		SELECT o.id, o.total_amount, o.total_currency, (
			SELECT GROUP_CONCAT(CONCAT(LOWER(HEX(i.product_id)), ' ', i.quantity, ' ', i.unit_price) SEPARATOR ',')
			FROM order_item i
			WHERE i.order_id = o.id
		), e.payload
		FROM outbox e
		JOIN orders o ON o.id = `+eventOrder+`
		WHERE e.type = 'order-placed' AND e.aggregatetype = 'order'`)
}

// placedPrice compares an order with its event. Lines are "product quantity price",
// separated by commas.
func (a *auditor) placedPrice(id uuid.UUID, total amount, lines string, payload []byte) {
	if lines == "" {
		return // see OrderItems
	}
	var event placedEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		a.find(OrderPrice, about("order", id), "has an event order-placed that cannot be read: %v", err)
		return
	}
	var placed []string
	sum := amount{Currency: event.Total.Currency}
	for _, item := range event.Items {
		placed = append(placed, fmt.Sprintf("%x %d %d", item.ProductID[:], item.Quantity, item.UnitPrice.Amount))
		sum.Amount += item.Quantity * item.UnitPrice.Amount
	}
	stored := strings.Split(lines, ",")
	slices.Sort(placed)
	slices.Sort(stored)
	switch {
	case !slices.Equal(placed, stored):
		a.find(OrderPrice, about("order", id), "has the lines (product, quantity, unit price) %s, but was placed with %s",
			strings.Join(stored, ", "), strings.Join(placed, ", "))
	case total.Currency != event.Total.Currency:
		a.find(OrderPrice, about("order", id), "has a total of %s, but was placed at %s", total, event.Total)
	case sum != event.Total:
		a.find(OrderPrice, about("order", id), "was placed at %s by its event, whose lines add up to %s", event.Total, sum)
	}
}
