// Package hooks reads the webhooks of a shop, with their deliveries, from the database of the webhook service.
package hooks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
)

const (
	// maxEndpoints is more than a shop can have.
	maxEndpoints = 50
	// MaxCounted bounds the deliveries of a state that are counted.
	MaxCounted = 1000
)

// ErrNotFound is returned for an endpoint that does not exist.
var ErrNotFound = errors.New("webhook not found")

// Endpoint is an address that events are sent to.
type Endpoint struct {
	ID                      uuid.UUID
	URL, Description, Types string
	// Status is enabled or disabled, Reason why it is disabled.
	Status, Reason string
	// Failures are those in a row, FailingSince is the time of the first.
	Failures     int
	FailingSince time.Time
	// PausedUntil is until when nothing is sent.
	PausedUntil time.Time
	CreatedAt   time.Time
	// Pending and Failed are the deliveries in these states, MaxCounted+1 for more than MaxCounted.
	Pending, Failed int
}

const endpointColumns = `id, url, description, event_types, status, disabled_reason, failures, failing_since, paused_until, created_at`

func scanEndpoint(row database.Scanner) (e Endpoint, err error) {
	var failingSince, pausedUntil sql.NullTime
	err = row.Scan(&e.ID, &e.URL, &e.Description, &e.Types, &e.Status, &e.Reason, &e.Failures, &failingSince, &pausedUntil, &e.CreatedAt)
	e.FailingSince, e.PausedUntil = failingSince.Time, pausedUntil.Time
	return e, err
}

// List returns all endpoints, newest first.
func List(ctx context.Context, db *database.DB) ([]Endpoint, error) {
	endpoints, err := database.Collect(ctx, db, scanEndpoint, `SELECT `+endpointColumns+` FROM endpoint ORDER BY id DESC LIMIT ?`, maxEndpoints)
	if err != nil {
		return nil, fmt.Errorf("list the webhooks: %w", err)
	}
	for i := range endpoints {
		if err := endpoints[i].count(ctx, db); err != nil {
			return nil, err
		}
	}
	return endpoints, nil
}

// Find returns an endpoint.
func Find(ctx context.Context, db *database.DB, id uuid.UUID) (Endpoint, error) {
	e, err := database.Get(ctx, db, scanEndpoint, `SELECT `+endpointColumns+` FROM endpoint WHERE id = ?`, id[:])
	if errors.Is(err, database.ErrNotFound) {
		return e, ErrNotFound
	}
	if err != nil {
		return e, fmt.Errorf("read webhook %s: %w", id, err)
	}
	err = e.count(ctx, db)
	return e, err
}

// count counts the deliveries that are not done.
func (e *Endpoint) count(ctx context.Context, db *database.DB) error {
	for state, n := range map[string]*int{"pending": &e.Pending, "failed": &e.Failed} {
		err := db.QueryRowContext(ctx, `
			SELECT COUNT(*)
			FROM (SELECT state FROM delivery FORCE INDEX (delivery_by_state) WHERE endpoint_id = ? AND state = ? LIMIT ?) counted`,
			e.ID[:], state, MaxCounted+1).Scan(n)
		if err != nil {
			return fmt.Errorf("count the %s deliveries to webhook %s: %w", state, e.ID, err)
		}
	}
	return nil
}

// Delivery is an event that is sent to an endpoint.
type Delivery struct {
	EventID, ResourceID uuid.UUID
	Type, State         string
	Payload             string
	// Tried is the number of attempts.
	Tried int
	// NextAt is when it is attempted, zero while it waits for an earlier event of its resource.
	NextAt               time.Time
	CreatedAt, UpdatedAt time.Time
	// Attempts are the latest ones, the last one first.
	Attempts []Attempt
}

// Attempt is a request to an endpoint.
type Attempt struct {
	Number int
	At     time.Time
	Took   time.Duration
	// Status is that of the response, 0 without one; Error is the class of the failure, if it is one.
	Status   int
	Error    string
	Response string
}

// maxAttempts is the most attempts of a delivery that are read.
const maxAttempts = 10

// Deliveries returns the latest deliveries to an endpoint with their attempts, those of a state or all.
func Deliveries(ctx context.Context, db *database.DB, endpoint uuid.UUID, state string, limit int) ([]Delivery, error) {
	index, where, args := "delivery_by_order", "endpoint_id = ?", []any{endpoint[:]}
	if state != "" {
		index, where, args = "delivery_by_state", where+" AND state = ?", append(args, state)
	}
	deliveries, err := database.Collect(ctx, db, func(row database.Scanner) (d Delivery, err error) {
		var nextAt sql.NullTime
		err = row.Scan(&d.EventID, &d.ResourceID, &d.Type, &d.State, &d.Payload, &d.Tried, &nextAt, &d.CreatedAt, &d.UpdatedAt)
		d.NextAt = nextAt.Time
		return d, err
	}, `
		SELECT event_id, resource_id, type, state, payload, attempts, next_at, created_at, updated_at
		FROM delivery FORCE INDEX (`+index+`)
		WHERE `+where+`
		ORDER BY sort_key DESC
		LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("list the deliveries to webhook %s: %w", endpoint, err)
	}
	return deliveries, addAttempts(ctx, db, endpoint, deliveries)
}

// addAttempts adds the attempts of deliveries, by one statement.
func addAttempts(ctx context.Context, db *database.DB, endpoint uuid.UUID, deliveries []Delivery) error {
	byID, ids := map[uuid.UUID]*Delivery{}, []uuid.UUID{}
	for i := range deliveries {
		byID[deliveries[i].EventID] = &deliveries[i]
		ids = append(ids, deliveries[i].EventID)
	}
	if len(ids) == 0 {
		return nil
	}
	err := database.Each(ctx, db, func(row database.Scanner) error {
		var id uuid.UUID
		var a Attempt
		var ms int64
		if err := row.Scan(&id, &a.Number, &a.At, &ms, &a.Status, &a.Error, &a.Response); err != nil {
			return err
		}
		a.Took = time.Duration(ms) * time.Millisecond
		if d := byID[id]; len(d.Attempts) < maxAttempts {
			d.Attempts = append(d.Attempts, a)
		}
		return nil
	}, `
		SELECT event_id, number, attempted_at, milliseconds, status, error, response
		FROM attempt
		WHERE endpoint_id = ? AND event_id IN (`+database.Placeholders(len(ids))+`)
		ORDER BY event_id, number DESC`, append([]any{endpoint[:]}, database.IDs(ids)...)...)
	if err != nil {
		return fmt.Errorf("read the attempts of %d deliveries to webhook %s: %w", len(ids), endpoint, err)
	}
	return nil
}
