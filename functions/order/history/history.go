// Package history reads the history of orders as entries of the trail. It is a package of its own, so that
// programs that only read do not link the service.
package history

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/functions/order/internal/search"
	"souk/shared/database"
	"souk/shared/trail"
)

// Resource is the kind of the resource order, with its shipments and returns, in the trail.
const Resource = "order"

// Columns are those of the table order_history.
const Columns = `order_id, version, status, moved_at, reason, actor, actor_id, entry_at, actor_kind, operation, request_id, trace_id`

// key identifies a row of the history as an entry of the trail.
type key struct {
	at      time.Time
	orderID uuid.UUID
	version int64
}

func (k key) String() string {
	return fmt.Sprintf("%d.%s.%d", k.at.UnixMicro(), k.orderID, k.version)
}

// parseKey returns the key of a cursor of Entries.
func parseKey(cursor string) (k key, err error) {
	at, rest, _ := strings.Cut(cursor, ".")
	id, version, _ := strings.Cut(rest, ".")
	micro, errAt := strconv.ParseInt(at, 10, 64)
	k.at = time.UnixMicro(micro).UTC()
	var errID, errVersion error
	k.orderID, errID = uuid.Parse(id)
	k.version, errVersion = strconv.ParseInt(version, 10, 64)
	if errAt != nil || errID != nil || errVersion != nil || k.String() != cursor {
		return k, trail.ErrCursor
	}
	return k, nil
}

// endOfTime is later than every entry, and a value of DATETIME.
var endOfTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// Entries is the trail.Source of the rows of order_history that are entries.
func Entries(ctx context.Context, q database.Queryer, f trail.Filter, cursor string, limit int) ([]trail.Item, error) {
	before := key{at: endOfTime, orderID: uuid.Max}
	if !f.To.IsZero() {
		before = key{at: f.To}
	}
	if cursor != "" {
		var err error
		if before, err = parseKey(cursor); err != nil {
			return nil, err
		}
	}
	switch {
	case f.ResourceID.Valid:
		return selectOfOrder(ctx, q, f.ResourceID.UUID, before, limit)
	case f.ActorID.Valid:
		return selectOfCustomer(ctx, q, f.ActorID.UUID, before, limit)
	}
	return selectAll(ctx, q, f.From, before, limit)
}

// selectAll returns entries of all orders, newest first.
func selectAll(ctx context.Context, q database.Queryer, from time.Time, before key, limit int) ([]trail.Item, error) {
	if from.IsZero() {
		from = time.Unix(0, 0).UTC()
	}
	return database.Collect(ctx, q, scanItem, `
		SELECT `+Columns+`
		FROM order_history FORCE INDEX (order_history_by_entry)
		WHERE entry_at BETWEEN ? AND ? AND (entry_at < ? OR order_id < ? OR order_id = ? AND version < ?)
		ORDER BY entry_at DESC, order_id DESC, version DESC
		LIMIT ?`, from, before.at, before.at, before.orderID[:], before.orderID[:], before.version, limit)
}

// selectOfOrder returns the entries of an order, newest first.
func selectOfOrder(ctx context.Context, q database.Queryer, orderID uuid.UUID, before key, limit int) ([]trail.Item, error) {
	return database.Collect(ctx, q, scanItem, `
		SELECT `+Columns+`
		FROM order_history FORCE INDEX (PRIMARY)
		WHERE order_id = ? AND entry_at IS NOT NULL AND (entry_at < ? OR entry_at = ? AND version < ?)
		ORDER BY version DESC
		LIMIT ?`, orderID[:], before.at, before.at, before.version, limit)
}

// selectOfCustomer returns the entries of the orders that a customer has placed, newest first:
// the only changes by customers that are entries of the history. An order is placed at the time in
// its id.
func selectOfCustomer(ctx context.Context, q database.Queryer, userID uuid.UUID, before key, limit int) ([]trail.Item, error) {
	latest := before.orderID
	if before.version == 0 && latest == uuid.Nil {
		latest = search.FirstID(before.at.Add(time.Second)) // an id may be a little later than the order
	}
	return database.Collect(ctx, q, scanItem, `
		SELECT h.`+strings.ReplaceAll(Columns, ", ", ", h.")+`
		FROM orders o FORCE INDEX (orders_by_user)
		STRAIGHT_JOIN order_history h FORCE INDEX (PRIMARY) ON h.order_id = o.id AND h.version = 1
		WHERE o.user_id = ? AND o.id < ? AND h.entry_at IS NOT NULL
		ORDER BY o.id DESC
		LIMIT ?`, userID[:], latest[:], limit)
}

func scanItem(row database.Scanner) (trail.Item, error) {
	var k key
	var status, reason, actor string
	var movedAt time.Time
	var actorID uuid.NullUUID
	var kind, operation, requestID, traceID sql.NullString
	err := row.Scan(&k.orderID, &k.version, &status, &movedAt, &reason, &actor, &actorID, &k.at, &kind, &operation, &requestID, &traceID)
	if err != nil {
		return trail.Item{}, err
	}
	changes := []trail.FieldChange{{Field: "status", After: status}}
	if reason != "" {
		changes = append(changes, trail.FieldChange{Field: "reason", After: reason})
	}
	return trail.Item{Cursor: k.String(), Entry: trail.Entry{
		At: k.at, Operation: operation.String, Resource: trail.NewEntryResource(Resource, k.orderID),
		Actor:   trail.NewEntryActor(trail.Actor{Kind: trail.Kind(kind.String), ID: actorID.UUID}),
		Changes: changes, RequestID: requestID.String, TraceID: traceID.String,
	}}, nil
}
