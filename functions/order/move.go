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

// moveForCaller changes an order's status on request of a caller, and publishes the
// event. An order that is not visible to the caller is not found.
func (s *service) moveForCaller(ctx context.Context, tx *database.Tx, id uuid.UUID, to Status, reason string) (*orderResponse, error) {
	caller, _ := auth.PrincipalFrom(ctx)
	o, err := lockOrder(ctx, tx, id)
	if errors.Is(err, database.ErrNotFound) || err == nil && !o.VisibleTo(caller) {
		return nil, api.NotFound("order", id)
	}
	if err != nil {
		return nil, fmt.Errorf("lock order %s: %w", id, err)
	}
	moved, err := s.move(ctx, tx, &o, to, reason, o.actor(caller))
	if err != nil {
		return nil, fmt.Errorf("move order %s to %s: %w", id, to, err)
	}
	if !moved {
		return nil, api.NewProblem(http.StatusConflict, refusal(to), "An order that is %s cannot become %s. Read the order for its current status.", o.Status, to)
	}
	return newResponse(o), nil
}

// decide changes an order's status because of an event. It does nothing if the order's
// status no longer allows the change.
func (s *service) decide(ctx context.Context, tx *database.Tx, id uuid.UUID, to Status, reason string) error {
	o, err := lockOrder(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("lock order %s: %w", id, err)
	}
	moved, err := s.move(ctx, tx, &o, to, reason, Actor{Kind: System})
	if moved && err == nil {
		// A metric in terraform/alerting.tf reads the waiting time from this log entry.
		seconds := s.Now().Sub(o.CreatedAt).Seconds()
		tx.AfterCommit(func(ctx context.Context) {
			slog.InfoContext(ctx, "the order is decided", "order", o.ID, "status", o.Status, "seconds", seconds,
				"synthetic", s.settings.isSynthetic(o.UserID))
		})
	}
	return err
}

// move changes the status of a locked order, adds the event to the outbox, and reports
// whether the order's status allowed the change.
func (s *service) move(ctx context.Context, tx *database.Tx, o *Order, to Status, reason string, by Actor) (moved bool, err error) {
	if !o.Move(to, reason, by, s.Now()) {
		return false, nil
	}
	if err := saveMove(ctx, tx, *o); err != nil {
		return false, err
	}
	t := transitionTo(to)
	if !t.isPublished() {
		return true, nil
	}
	return true, t.topic.Add(ctx, tx, s.Outbox, o.ID, o.newDecided(reason))
}
