// Package search finds orders: by words, persons, products and other filters, in several orders, page
// by page. It owns the table order_word and reads the tables of orders.
package search

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/functions/order/internal/number"
	"souk/shared/emailaddress"
	"souk/shared/money"
	"souk/shared/words"
)

// Order is the order of a list of orders.
type Order string

// The orders. Orders that are equal by the key are ordered by id.
const (
	Newest          Order = "-createdAt"
	Oldest          Order = "createdAt"
	TotalDescending Order = "-total"
	TotalAscending  Order = "total"
	LastChanged     Order = "-updatedAt"
	FirstChanged    Order = "updatedAt"
)

// Query is the filter and the order of a list of orders. Page tokens are bound to it by its hash, which
// depends on the names of the fields.
type Query struct {
	Terms                  // an order must have all of them
	Customer uuid.NullUUID // if it is not valid, the orders of all customers
	Product  uuid.NullUUID // if it is not valid, orders of any products
	Statuses []string      // nil for all
	Created  Interval
	Updated  Interval
	MinTotal int64
	MaxTotal int64
	Currency string // "" for all; a range or an order of totals needs one
	// Tag is in the form in which tags are compared, "" for all. Tokens of before it have none.
	Tag   string `json:",omitempty"`
	Order Order

	scan int // scanLimit, unless a test sets another
}

// Interval is a range of time with its beginning and without its end. A zero time is no limit.
type Interval struct{ From, To time.Time }

// Between returns an interval in microseconds, as times are stored: MariaDB reads the whole index for a
// comparison with a more precise time.
func Between(from, to time.Time) Interval { return Interval{roundUp(from), roundUp(to)} }

func roundUp(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Add(time.Microsecond - time.Nanosecond).Truncate(time.Microsecond)
}

func (i Interval) isZero() bool { return i.From.IsZero() && i.To.IsZero() }

// Terms is the parsed text of a search.
type Terms struct {
	Words   []string  // the first words.MaxInSearch
	Number  string    // the number or its beginning, as it is stored
	Mailbox uuid.UUID // emailaddress.ID of an address
	// Nothing is true for a text without words, or with two numbers or two addresses: no order has it.
	Nothing bool
}

// Parse returns the terms of a text: order numbers, e-mail addresses and words, separated by blanks.
func Parse(text string) Terms {
	var t Terms
	var others []string
	for part := range strings.FieldsSeq(text) {
		stored, isNumber := number.Parse(part)
		switch {
		case isNumber:
			t.Nothing = t.Nothing || t.Number != ""
			t.Number = stored
		case strings.Contains(part, "@"):
			t.Nothing = t.Nothing || t.Mailbox != uuid.Nil
			t.Mailbox = emailaddress.ID(part)
		default:
			others = append(others, part)
		}
	}
	t.Words = words.Search(strings.Join(others, " "))
	t.Nothing = t.Nothing || len(others) > 0 && len(t.Words) == 0
	return t
}

// Hash returns a hash that identifies the query in a page token.
func (q *Query) Hash() (string, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return "", fmt.Errorf("hash a search: %w", err)
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:9]), nil
}

// Position is the end of a page: the key of its last order in a search.
type Position struct {
	Search string    `json:"s"` // the query's hash
	ID     uuid.UUID `json:"id"`
	// Value is the total, or the time of the last change in microseconds, in an order by it.
	Value int64 `json:"v,omitempty"`
}

// Key contains the values by which orders are ordered.
type Key struct {
	ID        uuid.UUID
	Total     int64
	UpdatedAt time.Time
}

// position returns the position of an order in the search.
func (q *Query) position(key Key) Position {
	p := Position{ID: key.ID}
	switch q.column() {
	case "total_amount":
		p.Value = key.Total
	case "updated_at":
		p.Value = key.UpdatedAt.UnixMicro()
	}
	return p
}

// column returns the column of the order besides the id, "" for the order by id, which is that of
// creation.
func (q *Query) column() string {
	switch q.Order {
	case TotalAscending, TotalDescending:
		return "total_amount"
	case LastChanged, FirstChanged:
		return "updated_at"
	}
	return ""
}

// columnValue returns the value of column in a position.
func (q *Query) columnValue(p Position) any {
	if q.column() == "updated_at" {
		return time.UnixMicro(p.Value).UTC()
	}
	return p.Value
}

// descends reports whether the order is descending.
func (q *Query) descends() bool { return strings.HasPrefix(string(q.Order), "-") }

// hasTotals reports whether the search has a range of totals or a currency.
func (q *Query) hasTotals() bool { return q.Currency != "" }

// hasTotalRange reports whether the search has a range of totals.
func (q *Query) hasTotalRange() bool { return q.MinTotal > 0 || q.MaxTotal < money.Max }

// ids returns the range of the ids of orders that were created in the interval: they begin with the time
// of their creation, in milliseconds. A second more at both ends allows for the time between the id and
// the column.
func (i Interval) ids() (from, before uuid.UUID) {
	before = uuid.Max
	if !i.From.IsZero() {
		from = FirstID(i.From.Add(-time.Second))
	}
	if !i.To.IsZero() {
		before = FirstID(i.To.Add(time.Second))
	}
	return from, before
}

// FirstID returns the lowest possible id of an order that was created at the given time. A UUIDv7 begins
// with its creation time in milliseconds (RFC 9562, section 5.7), so that orders can be selected by age
// with the primary key.
func FirstID(at time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(max(at.UnixMilli(), 0))<<16)
	return id
}
