package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	// storedPerCaller is how many idempotency keys of one caller are stored at least.
	storedPerCaller = 1000
	// maxPlacing is the longest time between an order's id and its creation, which
	// are of one request.
	maxPlacing = time.Minute

	// recordedOrder is the id of the order that an idempotency key has created, from
	// the header Location of its response.
	recordedOrder = `UNHEX(REPLACE(SUBSTRING_INDEX(SUBSTRING_INDEX(header, '"/v1/orders/', -1), '"', 1), '-', ''))`
	// recordsOrder is the condition that an idempotency key has created an order.
	recordsOrder = `status = 201 AND header LIKE '%"/v1/orders/%' AND LENGTH(` + recordedOrder + `) = 16`
	// eventOrder is the id of the order that an event is about.
	eventOrder = `UNHEX(REPLACE(e.aggregateid, '-', ''))`
	// isOrderEvent is the condition that an event is about an order.
	isOrderEvent = `e.aggregatetype = 'order' AND LENGTH(` + eventOrder + `) = 16`
)

// placed compares orders with what they were placed by: the request, and the event
// that the request published.
func (a *auditor) placed(ctx context.Context) error {
	if err := a.requests(ctx); err != nil {
		return err
	}
	return a.placedPrices(ctx)
}

// identity compares the time in an order's id (UUIDv7) with that of its creation: a
// row that was copied has one of the two of its own. It finds copies of any age.
func (a *auditor) identity(id uuid.UUID, created time.Time) {
	seconds, nanoseconds := id.Time().UnixTime()
	at := time.Unix(seconds, nanoseconds).UTC()
	if id.Version() != 7 {
		a.find(OrderDoubled, about("order", id), "has an id that order-place does not create")
	} else if at.Sub(created).Abs() > maxPlacing {
		a.find(OrderDoubled, about("order", id), "was created at %s, but has an id of %s", created.Format(time.RFC3339), at.Format(time.RFC3339))
	}
}

// requests looks for the request of each order, as long as it must be stored: an
// order is placed with an Idempotency-Key, and the row of the key, with the response
// that names the order, is written in the order's transaction.
func (a *auditor) requests(ctx context.Context) error {
	evicted, err := a.evicted(ctx)
	if err != nil {
		return err
	}
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id, owner uuid.UUID
		var created time.Time
		var requests int64
		if err := rows.Scan(&id, &owner, &created, &requests); err != nil {
			return err
		}
		if oldest, limited := evicted[owner]; requests == 0 && limited && created.Before(oldest) {
			return nil
		}
		a.find(OrderDoubled, about("order", id), "was created at %s by %d requests, not by one", created.Format(time.RFC3339), requests)
		return nil
	}, `
		SELECT o.id, o.user_id, o.created_at, t.requests
		FROM (
			SELECT u.id, SUM(u.placed) AS placed, SUM(u.requests) AS requests
			FROM (
				SELECT id, 1 AS placed, 0 AS requests
				FROM orders
				WHERE created_at >= ?
				UNION ALL
				SELECT `+recordedOrder+`, 0, 1
				FROM idempotency_key
				WHERE `+recordsOrder+`
			) u
			GROUP BY u.id
			HAVING SUM(u.placed) > 0 AND SUM(u.requests) <> 1
		) t
		JOIN orders o ON o.id = t.id
		WHERE o.user_id <> ?
		ORDER BY o.id`, a.retained(), uuid.Nil[:])
}

// evicted returns the callers whose oldest keys may have been deleted before their
// time, and since when all their keys are there.
func (a *auditor) evicted(ctx context.Context) (map[uuid.UUID]time.Time, error) {
	evicted := map[uuid.UUID]time.Time{}
	return evicted, a.order.query(ctx, func(rows *sql.Rows) error {
		var caller uuid.UUID
		var expires time.Time
		if err := rows.Scan(&caller, &expires); err != nil {
			return err
		}
		evicted[caller] = expires.Add(maxPlacing - retention)
		return nil
	}, `
		SELECT caller, MIN(expires_at)
		FROM idempotency_key
		WHERE caller IS NOT NULL
		GROUP BY caller
		HAVING COUNT(*) >= ?`, storedPerCaller)
}

// placedEvent is what the event order-placed says of an order.
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

// placedPrices compares orders with their events order-placed, as long as these are
// retained.
func (a *auditor) placedPrices(ctx context.Context) error {
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
		WHERE e.type = 'order-placed' AND `+isOrderEvent)
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
