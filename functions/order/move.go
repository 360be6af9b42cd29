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

// step is a move that somebody asks for.
type step struct {
	To     Status
	Reason string
	Event  string // what tells others of it
	// Refusal is the code of the answer when the order may not go there.
	Refusal string
}

// moveFor brings an order to a state because a caller wants it, and publishes that.
// An order that the caller may not see is not found.
func (s *service) moveFor(ctx context.Context, tx *database.Tx, id uuid.UUID, step step) (*answer, error) {
	caller, _ := auth.PrincipalFrom(ctx)
	o, err := lockOrder(ctx, tx, id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !o.VisibleTo(caller) {
		return nil, api.NotFound("order", id)
	}
	if err != nil {
		return nil, fmt.Errorf("lock order %s: %w", id, err)
	}
	moved, err := s.move(ctx, tx, &o, step, o.actor(caller))
	if err != nil {
		return nil, fmt.Errorf("bring order %s to %s: %w", id, step.To, err)
	}
	if !moved {
		return nil, api.NewProblem(http.StatusConflict, step.Refusal, "The order is %s: it cannot become %s.", o.Status, step.To)
	}
	return show(o), nil
}

// decide brings an order to a state because an event says so, or does nothing when
// the order may not go there any more.
func (s *service) decide(ctx context.Context, tx *database.Tx, id uuid.UUID, step step) error {
	o, err := lockOrder(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("lock order %s: %w", id, err)
	}
	moved, err := s.move(ctx, tx, &o, step, Actor{Kind: System})
	if moved && err == nil {
		// terraform/watch.tf measures by this line how long customers wait.
		took := s.Now().Sub(o.CreatedAt).Seconds()
		tx.AfterCommit(func(ctx context.Context) {
			slog.InfoContext(ctx, "the order is decided", "order", o.ID, "status", o.Status, "seconds", took)
		})
	}
	return err
}

// move brings a locked order to a state, if it may go there, adds the event that
// tells others to the outbox, and says whether it did.
func (s *service) move(ctx context.Context, tx *database.Tx, o *Order, step step, by Actor) (moved bool, err error) {
	if !o.Move(step.To, step.Reason, by, s.Now()) {
		return false, nil
	}
	if err := saveMove(ctx, tx, *o); err != nil {
		return false, err
	}
	return true, s.Outbox.Add(ctx, tx, step.Event, "order", o.ID, o.decided(step.Reason))
}
