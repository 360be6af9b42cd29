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

// lease begins a run for an endpoint, unless one is in progress or nothing is due: then it returns
// nil.
func (s *service) lease(ctx context.Context, id uuid.UUID) (*worker, error) {
	leaseID, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("create the id of a lease: %w", err)
	}
	now := s.Now()
	leased, err := database.Affected(s.DB.ExecContext(ctx, `
		UPDATE endpoint
		SET lease_id = ?, leased_until = ?
		WHERE id = ? AND status = ? AND next_at <= ? AND (leased_until IS NULL OR leased_until < ?)
			AND (paused_until IS NULL OR paused_until <= ?)`,
		leaseID[:], now.Add(leaseTimeout), id[:], Enabled, now, now, now))
	if err != nil {
		return nil, fmt.Errorf("lease endpoint %s: %w", id, err)
	}
	if !leased {
		return nil, nil //nolint:nilnil // nothing is to be done
	}
	w, err := s.selectWorker(ctx, id, leaseID)
	if errors.Is(err, database.ErrNotFound) { // deleted, or leased by another run after a long pause
		return nil, nil //nolint:nilnil // nothing is to be done
	}
	if err != nil {
		return nil, fmt.Errorf("read endpoint %s: %w", id, err)
	}
	return w, nil
}

// selectWorker returns the worker of a lease.
func (s *service) selectWorker(ctx context.Context, id, leaseID uuid.UUID) (*worker, error) {
	w := &worker{id: id, lease: leaseID}
	var key, previous []byte
	var until sql.NullTime
	_, err := database.Get(ctx, s.DB, func(row database.Scanner) (struct{}, error) {
		return struct{}{}, row.Scan(&w.url, &key, &previous, &until, &w.failures)
	}, `
		SELECT url, sealed_key, sealed_previous, previous_until, failures
		FROM endpoint
		WHERE id = ? AND lease_id = ?`, id[:], leaseID[:])
	if err != nil {
		return nil, err
	}
	sealed := [][]byte{key}
	if until.Valid && s.Now().Before(until.Time) {
		sealed = append(sealed, previous)
	}
	keys := make([][]byte, len(sealed))
	for i := range sealed {
		if keys[i], err = s.sealer.open(id, sealed[i]); err != nil {
			return nil, err
		}
	}
	w.signer, err = newSigner(keys...)
	return w, err
}

// leaseState is what a run finds of its lease.
type leaseState int

const (
	leaseLost leaseState = iota // to another run, or the endpoint was deleted
	leaseEnds                   // the endpoint was disabled, or has another URL
	leaseHolds
)

// lockLeased locks the endpoint of a run until the transaction ends, and returns the state of its
// lease.
func lockLeased(ctx context.Context, tx *database.Tx, w *worker) (leaseState, error) {
	type row struct {
		lease  uuid.NullUUID
		status Status
		url    string
	}
	e, err := database.Get(ctx, tx, func(scanner database.Scanner) (r row, err error) {
		err = scanner.Scan(&r.lease, &r.status, &r.url)
		return r, err
	}, `
		SELECT lease_id, status, url
		FROM endpoint
		WHERE id = ?
		FOR UPDATE`, w.id[:])
	if errors.Is(err, database.ErrNotFound) {
		return leaseLost, nil
	}
	if err != nil {
		return leaseLost, fmt.Errorf("lock endpoint %s: %w", w.id, err)
	}
	switch {
	case e.lease.UUID != w.lease:
		return leaseLost, nil
	case e.status != Enabled || e.url != w.url:
		return leaseEnds, nil
	}
	return leaseHolds, nil
}

// release ends a lease, and stores when the next delivery is due, and until when nothing is sent, the
// zero time for no pause.
func release(ctx context.Context, tx *database.Tx, w *worker, next, pausedUntil time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE endpoint
		SET lease_id = NULL, leased_until = NULL, next_at = ?, paused_until = ?
		WHERE id = ?`, nullTime(next), nullTime(pausedUntil), w.id[:])
	if err != nil {
		return fmt.Errorf("end the lease of endpoint %s: %w", w.id, err)
	}
	return nil
}

func extendLease(ctx context.Context, tx *database.Tx, w *worker, until time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE endpoint SET leased_until = ? WHERE id = ?`, until, w.id[:])
	if err != nil {
		return fmt.Errorf("extend the lease of endpoint %s: %w", w.id, err)
	}
	return nil
}

// updateHealth stores the failures of a locked endpoint. It returns since when all attempts have
// failed, the zero time if the last one has not.
func updateHealth(ctx context.Context, tx *database.Tx, w *worker, h health) (time.Time, error) {
	if h.failures == 0 && w.failures == 0 || !h.succeeded && h.failedAt.IsZero() {
		return time.Time{}, nil
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE endpoint
		SET failures = ?, failing_since = CASE
				WHEN ? THEN ?
				ELSE COALESCE(failing_since, ?)
			END
		WHERE id = ?`, h.failures, h.succeeded, nullTime(h.failedAt), nullTime(h.failedAt), w.id[:])
	if err != nil {
		return time.Time{}, fmt.Errorf("store the failures of endpoint %s: %w", w.id, err)
	}
	since, err := database.Get(ctx, tx, database.ScanColumn[sql.NullTime], `SELECT failing_since FROM endpoint WHERE id = ?`, w.id[:])
	if err != nil {
		return time.Time{}, fmt.Errorf("read since when endpoint %s fails: %w", w.id, err)
	}
	return since.Time, nil
}

// disableEndpoint disables a locked endpoint and ends its lease.
func disableEndpoint(ctx context.Context, tx *database.Tx, id uuid.UUID, reason DisabledReason, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE endpoint
		SET status = ?, disabled_reason = ?, lease_id = NULL, leased_until = NULL, next_at = NULL, version = version + 1, updated_at = ?
		WHERE id = ?`, Disabled, reason, now, id[:])
	return err
}
