package order

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
)

// transition is a requested change of an order's status.
type transition struct {
	To     Status
	Reason string
	Event  string // the topic of the event that is published
	// Refusal is the problem code of the response if the order's status does not allow
	// the change.
	Refusal string
}

// moveForCaller changes an order's status on request of a caller, and publishes the
// event. An order that is not visible to the caller is not found.
func (s *service) moveForCaller(ctx context.Context, tx *database.Tx, id uuid.UUID, t transition) (*orderResponse, error) {
	caller, _ := auth.PrincipalFrom(ctx)
	o, err := lockOrder(ctx, tx, id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !o.VisibleTo(caller) {
		return nil, api.NotFound("order", id)
	}
	if err != nil {
		return nil, fmt.Errorf("lock order %s: %w", id, err)
	}
	moved, err := s.move(ctx, tx, &o, t, o.actor(caller))
	if err != nil {
		return nil, fmt.Errorf("move order %s to %s: %w", id, t.To, err)
	}
	if !moved {
		return nil, api.NewProblem(http.StatusConflict, t.Refusal, "An order that is %s cannot become %s. Read the order for its current status.", o.Status, t.To)
	}
	return newResponse(o), nil
}

// decide changes an order's status because of an event. It does nothing if the order's
// status no longer allows the change.
func (s *service) decide(ctx context.Context, tx *database.Tx, id uuid.UUID, t transition) error {
	o, err := lockOrder(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("lock order %s: %w", id, err)
	}
	moved, err := s.move(ctx, tx, &o, t, Actor{Kind: System})
	if moved && err == nil {
		// A metric in terraform/watch.tf reads the waiting time from this log entry.
		seconds := s.Now().Sub(o.CreatedAt).Seconds()
		tx.AfterCommit(func(ctx context.Context) {
			slog.InfoContext(ctx, "the order is decided", "order", o.ID, "status", o.Status, "seconds", seconds)
		})
	}
	return err
}

// move changes the status of a locked order, adds the event to the outbox, and reports
// whether the order's status allowed the change.
func (s *service) move(ctx context.Context, tx *database.Tx, o *Order, t transition, by Actor) (moved bool, err error) {
	if !o.Move(t.To, t.Reason, by, s.Now()) {
		return false, nil
	}
	if err := saveMove(ctx, tx, *o); err != nil {
		return false, err
	}
	return true, s.Outbox.Add(ctx, tx, t.Event, "order", o.ID, o.newDecided(t.Reason))
}
