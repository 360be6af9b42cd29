package ordertrail

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// Summary is an order in a list.
type Summary struct {
	ID       uuid.UUID
	UserID   uuid.UUID
	Status   string
	Amount   int64 // in minor units of Currency
	Currency string
	PlacedAt time.Time
	// DecidedAt is when it left the state pending, zero if it is pending.
	DecidedAt time.Time
	// Lines is the number of items, First the name of the first.
	Lines int
	First string
}

// Item is a product in an order.
type Item struct {
	ProductID uuid.UUID
	Name      string
	Quantity  int64
	UnitPrice int64
}

// Filter selects orders. Zero fields select all.
type Filter struct {
	// ID is the beginning of an order's id, or all of it; UserID is a customer's.
	ID     string
	UserID uuid.UUID
	Status string
	Limit  int
}

const defaultLimit = 50

const summaryColumns = `o.id, o.user_id, o.status, o.total_amount, o.total_currency, o.created_at,
	(SELECT MIN(h.moved_at) FROM order_history h WHERE h.order_id = o.id AND h.status <> 'pending'),
	(SELECT COUNT(*) FROM order_item i WHERE i.order_id = o.id),
	COALESCE((SELECT i.name FROM order_item i WHERE i.order_id = o.id AND i.line = 0), '')`

func scanSummary(row database.Scanner) (s Summary, err error) {
	var decided sql.NullTime
	err = row.Scan(&s.ID, &s.UserID, &s.Status, &s.Amount, &s.Currency, &s.PlacedAt, &decided, &s.Lines, &s.First)
	s.DecidedAt = decided.Time
	return s, err
}

// Recent returns the newest orders that a filter selects, newest first.
func (s *Source) Recent(ctx context.Context, f Filter) ([]Summary, error) {
	where, args := []string{"TRUE"}, []any{}
	if f.ID != "" {
		first, last, err := idRange(f.ID)
		if err != nil {
			return nil, err
		}
		where, args = append(where, "o.id BETWEEN ? AND ?"), append(args, first[:], last[:])
	}
	if f.UserID != uuid.Nil {
		where, args = append(where, "o.user_id = ?"), append(args, f.UserID[:])
	}
	if f.Status != "" {
		where, args = append(where, "o.status = ?"), append(args, f.Status)
	}
	summaries, err := database.Collect(ctx, s.Databases[orderService], scanSummary, `
		SELECT `+summaryColumns+`
		FROM orders o
		WHERE `+strings.Join(where, " AND ")+`
		ORDER BY o.id DESC
		LIMIT ?`, append(args, cmp.Or(f.Limit, defaultLimit))...)
	if err != nil {
		return nil, fmt.Errorf("list the newest orders: %w", err)
	}
	return summaries, nil
}

// ErrInvalidID is returned for text that no id begins with.
var ErrInvalidID = errors.New("an order's id has 32 hexadecimal digits")

// idRange returns the first and the last id that begin with a text.
func idRange(text string) (first, last uuid.UUID, err error) {
	digits := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(text), "-", ""))
	if len(digits) > 2*len(first) {
		return first, last, ErrInvalidID
	}
	for _, bound := range []struct {
		id  *uuid.UUID
		pad string
	}{{&first, "0"}, {&last, "f"}} {
		padded := digits + strings.Repeat(bound.pad, 2*len(first)-len(digits))
		if _, err := hex.Decode(bound.id[:], []byte(padded)); err != nil {
			return first, last, ErrInvalidID
		}
	}
	return first, last, nil
}

// readOrder reads an order with its items and history.
func (s *Source) readOrder(ctx context.Context, id uuid.UUID) (Trail, error) {
	db, t := s.Databases[orderService], Trail{}
	summary, err := database.Get(ctx, db, scanSummary, `SELECT `+summaryColumns+` FROM orders o WHERE o.id = ?`, id[:])
	if errors.Is(err, database.ErrNotFound) {
		return t, ErrNotFound
	}
	if err != nil {
		return t, wrap(err, "read the row", id)
	}
	t.Summary = summary
	err = db.QueryRowContext(ctx, `SELECT version, updated_at FROM orders WHERE id = ?`, id[:]).Scan(&t.Version, &t.UpdatedAt)
	if err != nil {
		return t, wrap(err, "read the version", id)
	}
	t.Items, err = database.Collect(ctx, db, func(row database.Scanner) (i Item, err error) {
		return i, row.Scan(&i.ProductID, &i.Name, &i.Quantity, &i.UnitPrice)
	}, `SELECT product_id, name, quantity, unit_price FROM order_item WHERE order_id = ? ORDER BY line`, id[:])
	if err != nil {
		return t, wrap(err, "read the items", id)
	}
	err = database.Each(ctx, db, func(row database.Scanner) error {
		step := Step{Move: &Move{}}
		t.Steps = append(t.Steps, step)
		return row.Scan(&step.Move.Version, &step.Move.Status, &t.Steps[len(t.Steps)-1].At, &step.Move.Reason, &step.Move.Actor)
	}, `SELECT version, status, moved_at, reason, actor FROM order_history WHERE order_id = ? ORDER BY version`, id[:])
	return t, wrap(err, "read the history", id)
}

// readReservation returns the state of an order's reservation.
func (s *Source) readReservation(ctx context.Context, id uuid.UUID) (string, error) {
	state, err := database.Get(ctx, s.Databases[productService], database.ScanColumn[string],
		`SELECT state FROM reservation WHERE order_id = ?`, id[:])
	if errors.Is(err, database.ErrNotFound) {
		return "", nil
	}
	return state, wrap(err, "read the reservation", id)
}

// clockMargin is the most that the clocks of the services differ.
const clockMargin = time.Minute

// readEvents reads the events about an order from the outboxes of all services. Ids of
// events begin with their time, so that those before the order need not be read.
func (s *Source) readEvents(ctx context.Context, found *findings) error {
	first := firstID(found.order.PlacedAt.Add(-clockMargin))
	for service, db := range s.Databases {
		events, err := database.Collect(ctx, db, func(row database.Scanner) (e Event, err error) {
			var traceparent string
			var published sql.NullTime
			var attributes []byte
			err = row.Scan(&e.ID, &e.Type, &e.Payload, &traceparent, &e.Created, &published, &attributes)
			e.Service, e.Published, e.TraceID = service, published.Time, traceID(traceparent)
			if err != nil || attributes == nil {
				return e, err
			}
			return e, json.Unmarshal(attributes, &e.attributes)
		}, `
			SELECT id, type, payload, traceparent, created_at, published_at, attributes
			FROM outbox
			WHERE id >= ? AND aggregateid = ?`, first[:], found.order.ID.String())
		if err != nil {
			return wrap(err, "read the events of service "+service, found.order.ID)
		}
		found.events = append(found.events, events...)
	}
	slices.SortFunc(found.events, func(a, b Event) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID.String(), b.ID.String()))
	})
	return nil
}

// firstID returns the lowest UUIDv7 of a time (RFC 9562, section 5.7).
func firstID(at time.Time) (id uuid.UUID) {
	for i, ms := 5, at.UnixMilli(); i >= 0; i, ms = i-1, ms>>8 {
		id[i] = byte(ms)
	}
	return id
}

// traceID returns the id in a traceparent (W3C Trace Context).
func traceID(traceparent string) string {
	parts := strings.Split(traceparent, "-")
	if len(parts) < 4 {
		return ""
	}
	return parts[1]
}

// readInboxes reads which functions have processed the events.
func (s *Source) readInboxes(ctx context.Context, found *findings) error {
	consumers := map[string][]string{} // by service
	for _, f := range s.Manifest.Functions {
		if len(f.Events) > 0 && s.Databases[f.Service] != nil {
			consumers[f.Service] = append(consumers[f.Service], f.Name)
		}
	}
	ids := make([]uuid.UUID, len(found.events))
	for i, e := range found.events {
		ids[i] = e.ID
	}
	if len(ids) == 0 {
		return nil
	}
	for service, names := range consumers {
		err := database.Each(ctx, s.Databases[service], func(row database.Scanner) error {
			var key deliveryKey
			var at time.Time
			if err := row.Scan(&key.consumer, &key.event, &at); err != nil {
				return err
			}
			found.inbox[key] = at
			return nil
		}, `
			SELECT consumer, event_id, received_at
			FROM inbox
			WHERE consumer IN (`+database.Placeholders(len(names))+`) AND event_id IN (`+database.Placeholders(len(ids))+`)`,
			append(database.Args(names), database.IDs(ids)...)...)
		if err != nil {
			return wrap(err, "read the inbox of service "+service, found.order.ID)
		}
	}
	return nil
}
