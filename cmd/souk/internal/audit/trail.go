package audit

import (
	"context"
	"database/sql"

	"github.com/google/uuid"
)

// trails checks that no entry of a trail names an erased person: as the one who made a change, or as
// the account that was changed. Values of personal fields are never in the trail.
func (a *auditor) trails(ctx context.Context) error {
	erased, err := a.erased(ctx)
	if err != nil {
		return err
	}
	for _, service := range a.services() {
		err := a.snapshots[service].query(ctx, func(rows *sql.Rows) error {
			var id uuid.UUID
			if err := rows.Scan(&id); err != nil {
				return err
			}
			if erased[id] {
				a.find(PersonLeft, about("user", id), "was deleted, and is the actor of entries in the trail of the %s service", service)
			}
			return nil
		}, `
			SELECT DISTINCT actor_id
			FROM trail FORCE INDEX (trail_by_actor)
			WHERE actor_id IS NOT NULL
			ORDER BY actor_id`)
		if err != nil {
			return err
		}
	}
	if err := a.trailOfAccounts(ctx); err != nil {
		return err
	}
	return a.trailOfGuests(ctx)
}

// erased returns the accounts of the last 31 days whose erasure the order service has completed. Other
// services may complete it later: see Grace.
func (a *auditor) erased(ctx context.Context) (map[uuid.UUID]bool, error) {
	erased := map[uuid.UUID]bool{}
	return erased, a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		erased[id] = true
		return nil
	}, `
		SELECT user_id
		FROM customer
		WHERE deleted_at < ?`, a.options.Now.Add(-a.options.Grace))
}

// trailOfAccounts checks the trail of the user service, which erases an account in the transaction that
// deletes it.
func (a *auditor) trailOfAccounts(ctx context.Context) error {
	return a.user.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		a.find(PersonLeft, about("user", id), "does not exist, but has entries in the trail")
		return nil
	}, `
		SELECT DISTINCT t.resource_id
		FROM trail t FORCE INDEX (trail_by_resource)
		LEFT JOIN user u ON u.id = t.resource_id
		WHERE t.resource = 'user' AND t.resource_id <> ? AND u.id IS NULL
		ORDER BY t.resource_id`, uuid.Nil[:])
}

// trailOfGuests checks the entries of erased orders of guests.
func (a *auditor) trailOfGuests(ctx context.Context) error {
	return a.order.query(ctx, func(rows *sql.Rows) error {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		a.find(PersonLeft, about("order", id), "has no owner, but a guest is the actor of entries in the trail")
		return nil
	}, `
		SELECT DISTINCT o.id
		FROM orders o
		JOIN trail t ON t.resource_id = o.id
		WHERE o.user_id = ? AND t.actor = 'guest' AND t.actor_id IS NOT NULL
		ORDER BY o.id`, uuid.Nil[:])
}
