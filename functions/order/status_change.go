package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
)

// changeStatusForCaller changes an order's status at the request of a caller. It returns
// the problem order_not_found for an order that is not visible to the caller.
func (s *service) changeStatusForCaller(ctx context.Context, tx *database.Tx, id uuid.UUID, to Status, reason string) (*orderResponse, error) {
	caller, _ := auth.PrincipalFrom(ctx)
	o, err := lockOrder(ctx, tx, id)
	if errors.Is(err, database.ErrNotFound) || err == nil && !o.VisibleTo(caller) {
		return nil, api.NotFound("order", id)
	}
	if err != nil {
		return nil, fmt.Errorf("lock order %s: %w", id, err)
	}
	changed, err := s.changeStatus(ctx, tx, &o, to, reason, o.actor(caller))
	if err != nil {
		return nil, fmt.Errorf("change status of order %s to %s: %w", id, to, err)
	}
	if !changed {
		return nil, api.NewProblem(http.StatusConflict, conflictCode(to), "An order that is %s cannot become %s. Read the order for its current status.", o.Status, to)
	}
	return newResponse(o), nil
}

// changeStatusForEvent changes the status of a pending order because of an event about its
// stock. It does nothing if the order's current status does not allow the change.
func (s *service) changeStatusForEvent(ctx context.Context, tx *database.Tx, id uuid.UUID, to Status, reason string) error {
	o, err := lockOrder(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("lock order %s: %w", id, err)
	}
	changed, err := s.changeStatus(ctx, tx, &o, to, reason, Actor{Kind: System})
	if changed && err == nil {
		// A metric in terraform/alerting.tf reads from this log entry how long the order was
		// pending.
		seconds := s.Now().Sub(o.CreatedAt).Seconds()
		tx.AfterCommit(func(ctx context.Context) {
			slog.InfoContext(ctx, "order confirmed or rejected", "order", o.ID, "status", o.Status, "seconds", seconds,
				"synthetic", s.settings.isSynthetic(o.UserID))
		})
	}
	return err
}

// changeStatus changes the status of a locked order, stores the change, and adds its event
// to the outbox. It returns false, and changes nothing, if the order's current status does
// not allow the change.
func (s *service) changeStatus(ctx context.Context, tx *database.Tx, o *Order, to Status, reason string, actor Actor) (changed bool, err error) {
	if !o.changeStatus(to, reason, actor, s.Now()) {
		return false, nil
	}
	if err := saveStatusChange(ctx, tx, *o); err != nil {
		return false, err
	}
	t := transitionTo(to)
	if !t.isPublished() {
		return true, nil
	}
	return true, t.topic.Add(ctx, tx, s.Outbox, o.ID, o.newStatusChanged(reason))
}
