package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// maxSortKey is greater than every sort key.
var maxSortKey = newSortKey(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), uuid.Max)

func selectDelivery(ctx context.Context, q database.Queryer, endpointID, eventID uuid.UUID) (Delivery, error) {
	return database.Get(ctx, q, scanDelivery, `
		SELECT `+deliveryColumns+`
		FROM delivery
		WHERE endpoint_id = ? AND event_id = ?`, endpointID[:], eventID[:])
}

// selectDeliveries returns deliveries to an endpoint before a place in their order, the last one
// first, in a state or all.
func selectDeliveries(ctx context.Context, q database.Queryer, endpointID uuid.UUID, state DeliveryState, before sortKey, limit int) ([]Delivery, error) {
	if state == "" {
		return database.Collect(ctx, q, scanDelivery, `
			SELECT `+deliveryColumns+`
			FROM delivery FORCE INDEX (delivery_by_order)
			WHERE endpoint_id = ? AND sort_key < ?
			ORDER BY sort_key DESC
			LIMIT ?`, endpointID[:], before[:], limit)
	}
	return database.Collect(ctx, q, scanDelivery, `
		SELECT `+deliveryColumns+`
		FROM delivery FORCE INDEX (delivery_by_state)
		WHERE endpoint_id = ? AND state = ? AND sort_key < ?
		ORDER BY sort_key DESC
		LIMIT ?`, endpointID[:], state, before[:], limit)
}

// selectRange returns up to maxResent deliveries in a state, and one more, of events in a range of
// time, the earliest first, that were created after a time.
func selectRange(ctx context.Context, tx *database.Tx, endpointID uuid.UUID, state DeliveryState, from, until, created time.Time) ([]Delivery, error) {
	first, last := newSortKey(from, uuid.Nil), newSortKey(until, uuid.Nil)
	return database.Collect(ctx, tx, scanDelivery, `
		SELECT `+deliveryColumns+`
		FROM delivery FORCE INDEX (delivery_by_state)
		WHERE endpoint_id = ? AND state = ? AND sort_key >= ? AND sort_key < ? AND created_at > ?
		ORDER BY sort_key
		LIMIT ?`, endpointID[:], state, first[:], last[:], created, maxResent+1)
}

// setPending makes deliveries pending again, for deliveryTTL.
func setPending(ctx context.Context, tx *database.Tx, endpointID uuid.UUID, ids []uuid.UUID, now time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE delivery FORCE INDEX (PRIMARY)
		SET state = ?, expires_at = ?, updated_at = ?
		WHERE endpoint_id = ? AND event_id IN (`+database.Placeholders(len(ids))+`)`,
		append([]any{Pending, now.Add(deliveryTTL), now, endpointID[:]}, database.IDs(ids)...)...)
	if err != nil {
		return fmt.Errorf("send %d deliveries to endpoint %s again: %w", len(ids), endpointID, err)
	}
	return nil
}

// selectAttempts returns the attempts of a delivery after a number.
func selectAttempts(ctx context.Context, q database.Queryer, endpointID, eventID uuid.UUID, after, limit int) ([]Attempt, error) {
	return database.Collect(ctx, q, func(row database.Scanner) (a Attempt, err error) {
		err = row.Scan(&a.Number, &a.AttemptedAt, &a.Milliseconds, &a.Status, &a.Error, &a.Response)
		return a, err
	}, `
		SELECT number, attempted_at, milliseconds, status, error, response
		FROM attempt
		WHERE endpoint_id = ? AND event_id = ? AND number > ?
		ORDER BY number
		LIMIT ?`, endpointID[:], eventID[:], after, limit)
}
