package webhook

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

// subscriber is what is read of an endpoint to store deliveries.
type subscriber struct {
	id          uuid.UUID
	types       []EventType
	status      Status
	nextAt      time.Time // the zero time if none is due
	pausedUntil time.Time // the zero time if it is not paused
}

// isTriggered reports whether webhook-deliver finds a delivery that is now due without an event: a
// run is in progress or was triggered, or webhook-outbox triggers one after a pause.
func (s subscriber) isTriggered(now time.Time) bool {
	return s.status != Enabled || s.pausedUntil.After(now) || !s.nextAt.IsZero() && !s.nextAt.After(now)
}

// lockSubscribers returns the endpoints, in the order of their ids, and locks them until the
// transaction ends.
func lockSubscribers(ctx context.Context, tx *database.Tx) ([]subscriber, error) {
	subscribers, err := database.Collect(ctx, tx, scanSubscriber, `
		SELECT id, event_types, status, next_at, paused_until
		FROM endpoint
		WHERE id > ?
		ORDER BY id
		LIMIT ?
		FOR UPDATE`, uuid.Nil[:], maxEndpoints)
	if err != nil {
		return nil, fmt.Errorf("lock the endpoints: %w", err)
	}
	return subscribers, nil
}

// lockSubscriber is like lockSubscribers for one endpoint.
func lockSubscriber(ctx context.Context, tx *database.Tx, id uuid.UUID) (subscriber, error) {
	return database.Get(ctx, tx, scanSubscriber, `
		SELECT id, event_types, status, next_at, paused_until
		FROM endpoint
		WHERE id = ?
		FOR UPDATE`, id[:])
}

func scanSubscriber(row database.Scanner) (s subscriber, err error) {
	var types string
	var nextAt, pausedUntil sql.NullTime
	err = row.Scan(&s.id, &types, &s.status, &nextAt, &pausedUntil)
	s.types, s.nextAt, s.pausedUntil = decodeTypes(types), nextAt.Time, pausedUntil.Time
	return s, err
}

// setNextAt stores when the next delivery to an endpoint is due.
func setNextAt(ctx context.Context, tx *database.Tx, id uuid.UUID, at time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE endpoint SET next_at = ? WHERE id = ?`, nullTime(at), id[:])
	if err != nil {
		return fmt.Errorf("store when the next delivery to endpoint %s is due: %w", id, err)
	}
	return nil
}

// distinct returns different ids, in order.
func distinct(ids []uuid.UUID) []uuid.UUID { return database.SortedIDs(slices.Values(ids)) }
