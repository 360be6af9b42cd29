package audit

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"souk/shared/pricing"
)

// placedEvent is the payload of the event order-placed.
type placedEvent struct {
	Items []struct {
		ProductID uuid.UUID `json:"productId"`
		Quantity  int64     `json:"quantity"`
		UnitPrice amount    `json:"unitPrice"`
	} `json:"items"`
	Total   amount         `json:"total"`
	Quote   *pricing.Quote `json:"quote"` // nil if the total is the sum of the items
	Payment string         `json:"payment"`
}

// sum returns the total as the event's items, or its quote, have it.
func (e *placedEvent) sum() amount {
	sum := amount{Currency: e.Total.Currency}
	for _, item := range e.Items {
		sum.Amount += item.Quantity * item.UnitPrice.Amount
	}
	if e.Quote != nil && e.Quote.Subtotal == sum.Amount && e.Quote.Check() == nil {
		sum = amount{e.Quote.Total, e.Quote.Currency}
	}
	return sum
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
		var payment string
		var payload []byte
		if err := rows.Scan(&id, &payment, &total.Amount, &total.Currency, &lines, &payload); err != nil {
			return err
		}
		var event placedEvent
		if err := json.Unmarshal(payload, &event); err != nil {
			a.find(OrderPrice, about("order", id), "has an event order-placed that cannot be read: %v", err)
			return nil
		}
		if placed := cmp.Or(event.Payment, "none"); placed != payment {
			a.find(OrderPayment, about("order", id), "has payment %q, but was placed with payment %q", payment, placed)
		}
		a.placedPrice(id, total, lines.String, event)
		return nil
	}, `
		SELECT o.id, o.payment, o.total_amount, o.total_currency, (
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
func (a *auditor) placedPrice(id uuid.UUID, total amount, lines string, event placedEvent) {
	if lines == "" {
		return // see OrderItems
	}
	var placed []string
	sum := event.sum()
	for _, item := range event.Items {
		placed = append(placed, fmt.Sprintf("%x %d %d", item.ProductID[:], item.Quantity, item.UnitPrice.Amount))
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
	case event.Quote != nil && total != event.Total:
		a.find(OrderPrice, about("order", id), "has a total of %s, but was placed at %s", total, event.Total)
	case sum != event.Total:
		a.find(OrderPrice, about("order", id), "was placed at %s by its event, whose lines add up to %s", event.Total, sum)
	}
}
