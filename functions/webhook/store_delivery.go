package webhook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

var errSortKey = errors.New("not a sort key")

const deliveryColumns = `event_id, type, resource_id, sort_key, state, attempts, next_at, expires_at, created_at, updated_at`

func scanDelivery(row database.Scanner) (d Delivery, err error) {
	var key sortKey
	var nextAt sql.NullTime
	err = row.Scan(&d.EventID, &d.Type, &d.ResourceID, &key, &d.State, &d.Attempts, &nextAt, &d.ExpiresAt, &d.CreatedAt, &d.UpdatedAt)
	d.OccurredAt = key.occurredAt()
	if nextAt.Valid {
		d.NextAttemptAt = &nextAt.Time
	}
	return d, err
}

// newDelivery is a delivery to store.
type newDelivery struct {
	eventID, resourceID uuid.UUID
	occurredAt          time.Time
	name                EventType
	payload             []byte
}

// insertDeliveries stores deliveries to a locked endpoint. Those that exist do not change.
func insertDeliveries(ctx context.Context, tx *database.Tx, endpointID uuid.UUID, deliveries []newDelivery, now time.Time) error {
	rows := make([][]any, len(deliveries))
	for i, d := range deliveries {
		key := newSortKey(d.occurredAt, d.eventID)
		rows[i] = []any{endpointID[:], d.eventID[:], d.resourceID[:], key[:], d.name, string(d.payload), Pending, 0, now.Add(deliveryTTL), now, now}
	}
	err := database.InsertRows(ctx, tx, `delivery (endpoint_id, event_id, resource_id, sort_key, type, payload, state, attempts, expires_at,
		created_at, updated_at)`, "ON DUPLICATE KEY UPDATE endpoint_id = delivery.endpoint_id", rows)
	if err != nil {
		return fmt.Errorf("store %d deliveries to endpoint %s: %w", len(rows), endpointID, err)
	}
	return nil
}

// selectFirst returns the earliest pending delivery of each resource. The endpoint must be locked.
func selectFirst(ctx context.Context, tx *database.Tx, endpointID uuid.UUID, resources []uuid.UUID) ([]uuid.UUID, error) {
	if len(resources) == 0 {
		return nil, nil
	}
	first, err := database.Collect(ctx, tx, func(row database.Scanner) (uuid.UUID, error) {
		key, err := database.ScanColumn[sortKey](row)
		return key.eventID(), err
	}, `
		SELECT MIN(sort_key)
		FROM delivery FORCE INDEX (delivery_by_resource)
		WHERE endpoint_id = ? AND state = ? AND resource_id IN (`+database.Placeholders(len(resources))+`)
		GROUP BY endpoint_id, state, resource_id`, append([]any{endpointID[:], Pending}, database.IDs(resources)...)...)
	if err != nil {
		return nil, fmt.Errorf("read the first of the deliveries of %d resources to endpoint %s: %w", len(resources), endpointID, err)
	}
	return first, nil
}

// promote makes the earliest pending delivery of each resource due, unless it has a time. One that has
// waited for others is attempted for minAttempted at least. The endpoint must be locked. It returns
// how many there are.
func promote(ctx context.Context, tx *database.Tx, endpointID uuid.UUID, resources []uuid.UUID, now time.Time) (int64, error) {
	first, err := selectFirst(ctx, tx, endpointID, resources)
	if err != nil || len(first) == 0 {
		return 0, err
	}
	promoted, err := database.AffectedRows(tx.ExecContext(ctx, `
		UPDATE delivery FORCE INDEX (PRIMARY)
		SET next_at = ?, expires_at = GREATEST(expires_at, ?)
		WHERE endpoint_id = ? AND event_id IN (`+database.Placeholders(len(first))+`) AND next_at IS NULL`,
		append([]any{now, now.Add(minAttempted), endpointID[:]}, database.IDs(first)...)...))
	if err != nil {
		return 0, fmt.Errorf("make %d deliveries to endpoint %s due: %w", len(first), endpointID, err)
	}
	return promoted, nil
}

// claim is a delivery that is due.
type claim struct {
	eventID, resourceID uuid.UUID
	key                 sortKey
	payload             []byte
	attempts            int
	expiresAt           time.Time
}

// selectDue returns deliveries to a locked endpoint that are due.
func selectDue(ctx context.Context, tx *database.Tx, endpointID uuid.UUID, now time.Time, limit int) ([]claim, error) {
	claims, err := database.Collect(ctx, tx, func(row database.Scanner) (c claim, err error) {
		err = row.Scan(&c.eventID, &c.resourceID, &c.key, &c.payload, &c.attempts, &c.expiresAt)
		return c, err
	}, `
		SELECT event_id, resource_id, sort_key, payload, attempts, expires_at
		FROM delivery FORCE INDEX (delivery_by_next)
		WHERE endpoint_id = ? AND next_at <= ?
		ORDER BY next_at
		LIMIT ?`, endpointID[:], now, limit)
	if err != nil {
		return nil, fmt.Errorf("read the deliveries to endpoint %s that are due: %w", endpointID, err)
	}
	return claims, nil
}

// setWaiting makes deliveries wait for an earlier one of their resource.
func setWaiting(ctx context.Context, tx *database.Tx, endpointID uuid.UUID, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE delivery FORCE INDEX (PRIMARY)
		SET next_at = NULL
		WHERE endpoint_id = ? AND event_id IN (`+database.Placeholders(len(ids))+`)`, append([]any{endpointID[:]}, database.IDs(ids)...)...)
	if err != nil {
		return fmt.Errorf("let %d deliveries to endpoint %s wait: %w", len(ids), endpointID, err)
	}
	return nil
}

// finish stores the final state of deliveries, and how many attempts more each of them had. One that
// was delivered meanwhile remains so.
func finish(ctx context.Context, tx *database.Tx, endpointID uuid.UUID, ids []uuid.UUID, state DeliveryState, attempted int, now time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE delivery FORCE INDEX (PRIMARY)
		SET state = ?, next_at = NULL, attempts = attempts + ?, updated_at = ?
		WHERE endpoint_id = ? AND state <> ? AND event_id IN (`+database.Placeholders(len(ids))+`)`,
		append([]any{state, attempted, now, endpointID[:], Delivered}, database.IDs(ids)...)...)
	if err != nil {
		return fmt.Errorf("store that %d deliveries to endpoint %s are %s: %w", len(ids), endpointID, state, err)
	}
	return nil
}

// retryAt stores a failed attempt of a delivery and when the next one is.
func retryAt(ctx context.Context, tx *database.Tx, endpointID, eventID uuid.UUID, at, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE delivery
		SET next_at = ?, attempts = attempts + 1, updated_at = ?
		WHERE endpoint_id = ? AND event_id = ? AND state = ?`, at, now, endpointID[:], eventID[:], Pending)
	if err != nil {
		return fmt.Errorf("store the next attempt of event %s to endpoint %s: %w", eventID, endpointID, err)
	}
	return nil
}

// maxHastened bounds how many deliveries hasten changes.
const maxHastened = 1000

// hasten makes deliveries due that would be attempted later: the endpoint works again.
func hasten(ctx context.Context, tx *database.Tx, endpointID uuid.UUID, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE delivery FORCE INDEX (delivery_by_next)
		SET next_at = ?
		WHERE endpoint_id = ? AND next_at > ?
		ORDER BY next_at
		LIMIT ?`, now, endpointID[:], now, maxHastened)
	if err != nil {
		return fmt.Errorf("make the deliveries to endpoint %s due: %w", endpointID, err)
	}
	return nil
}

// selectNextAt returns when the next delivery to an endpoint is due, the zero time if there is none.
func selectNextAt(ctx context.Context, tx *database.Tx, endpointID uuid.UUID) (time.Time, error) {
	next, err := database.Get(ctx, tx, database.ScanColumn[sql.NullTime], `
		SELECT MIN(next_at)
		FROM delivery FORCE INDEX (delivery_by_next)
		WHERE endpoint_id = ? AND next_at IS NOT NULL`, endpointID[:])
	if err != nil {
		return time.Time{}, fmt.Errorf("read when the next delivery to endpoint %s is due: %w", endpointID, err)
	}
	return next.Time, nil
}
