package order

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
)

type checkoutGetInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// checkoutGet handles GET /v1/checkouts/{id}.
//
// # Get a checkout
//
// The response has the prices as they are now.
func (s *service) checkoutGet(ctx context.Context, in *checkoutGetInput) (*checkoutResponse, error) {
	c, err := s.ownCheckout(ctx, s.DB, in.ID, notLocked)
	if err != nil {
		return nil, err
	}
	return s.showCheckout(ctx, s.DB, &c)
}

// ownCheckout returns a checkout of the caller. The error is a problem if there is none.
func (s *service) ownCheckout(ctx context.Context, q database.Queryer, id uuid.UUID, lock lockMode) (checkout, error) {
	c, err := selectCheckout(ctx, q, id, lock)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return c, fmt.Errorf("read checkout %s: %w", id, err)
	}
	caller, _ := auth.PrincipalFrom(ctx)
	if err != nil || c.UserID != caller.UserID || !s.Now().Before(c.ExpiresAt) {
		return c, checkoutNotFound(id)
	}
	return c, nil
}

// errorOr returns an error if there is one, and otherwise a problem.
func errorOr(err error, problem *api.Problem) error {
	if err != nil {
		return err
	}
	return problem
}
