package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

const (
	// expiryBatch is how many deliveries one transaction gives up, and expiryBatches how many
	// transactions of them a run has.
	expiryBatch, expiryBatches = 500, 20
)

// triggerDue publishes that deliveries are due, for each endpoint without a run: those whose wait has
// ended, and those whose run was interrupted.
func (s *service) triggerDue(ctx context.Context) error {
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		due, err := selectIdle(ctx, tx, s.Now())
		if err != nil || len(due) == 0 {
			return err
		}
		params := make([]event.AddParams[DueEvent], len(due))
		for i, id := range due {
			params[i] = event.AddParams[DueEvent]{AggregateID: id, Payload: DueEvent{id}}
		}
		return topicDue.AddBatch(ctx, tx, s.Outbox, params...)
	})
	if err != nil {
		return fmt.Errorf("publish which endpoints are due: %w", err)
	}
	return nil
}

// selectIdle returns the endpoints to which deliveries are due and that have no run.
func selectIdle(ctx context.Context, tx *database.Tx, now time.Time) ([]uuid.UUID, error) {
	return database.Collect(ctx, tx, database.ScanColumn[uuid.UUID], `
		SELECT id
		FROM endpoint
		WHERE id > ? AND status = ? AND next_at <= ? AND (leased_until IS NULL OR leased_until < ?)
			AND (paused_until IS NULL OR paused_until <= ?)
		ORDER BY id
		LIMIT ?`, uuid.Nil[:], Enabled, now, now, now, maxEndpoints)
}

// expire gives up deliveries that were pending for deliveryTTL. Those to endpoints that are enabled and
// that wait for an earlier one are attempted first: see promote.
func (s *service) expire(ctx context.Context) error {
	for range expiryBatches {
		expired, err := selectExpired(ctx, s.DB, s.Now())
		if err != nil {
			return fmt.Errorf("read expired deliveries: %w", err)
		}
		count := 0
		for endpointID, deliveries := range expired {
			count += len(deliveries)
			if err := s.giveUp(ctx, endpointID, deliveries); err != nil {
				return fmt.Errorf("give up %d deliveries to endpoint %s: %w", len(deliveries), endpointID, err)
			}
		}
		if count < expiryBatch {
			return nil
		}
	}
	return nil // The next run goes on.
}

// giveUp gives up deliveries to an endpoint, which may be deleted.
func (s *service) giveUp(ctx context.Context, endpointID uuid.UUID, expired []claim) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		e, err := lockSubscriber(ctx, tx, endpointID)
		if err != nil && !errors.Is(err, database.ErrNotFound) {
			return err
		}
		ids, resources := make([]uuid.UUID, len(expired)), make([]uuid.UUID, len(expired))
		for i, c := range expired {
			ids[i], resources[i] = c.eventID, c.resourceID
		}
		now := s.Now()
		if err := finish(ctx, tx, endpointID, ids, Failed, 0, now); err != nil {
			return err
		}
		promoted, err := promote(ctx, tx, endpointID, distinct(resources), now)
		if err != nil || promoted == 0 || e.status != Enabled {
			return err
		}
		return setNextAt(ctx, tx, endpointID, now)
	})
}

// selectExpired returns deliveries to give up, by their endpoint.
func selectExpired(ctx context.Context, q database.Queryer, now time.Time) (map[uuid.UUID][]claim, error) {
	expired := map[uuid.UUID][]claim{}
	return expired, database.Each(ctx, q, func(row database.Scanner) error {
		var endpointID uuid.UUID
		var c claim
		err := row.Scan(&endpointID, &c.eventID, &c.resourceID)
		expired[endpointID] = append(expired[endpointID], c)
		return err
	}, `
		SELECT d.endpoint_id, d.event_id, d.resource_id
		FROM delivery d FORCE INDEX (delivery_by_expiry)
		LEFT JOIN endpoint e ON e.id = d.endpoint_id
		WHERE d.state = ? AND d.expires_at <= ? AND (d.next_at IS NOT NULL OR e.status IS NULL OR e.status = ?)
		ORDER BY d.expires_at
		LIMIT ?`, Pending, now, Disabled, expiryBatch)
}

// prune deletes deliveries and attempts whose retention has ended.
func (s *service) prune(ctx context.Context) error {
	before := s.Now().Add(-retention)
	return errors.Join(database.Prune(ctx, s.DB, pruneDeliveries, before), database.Prune(ctx, s.DB, pruneAttempts, before))
}

const (
	pruneDeliveries = `DELETE FROM delivery WHERE created_at < ? ORDER BY created_at LIMIT ?`
	pruneAttempts   = `DELETE FROM attempt WHERE attempted_at < ? ORDER BY attempted_at LIMIT ?`
)
