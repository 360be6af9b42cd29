package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/auth"
)

// get handles GET /v1/users/me.
//
// # Get the caller's account
func (s *service) get(ctx context.Context, _ *struct{}) (*answer, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	u, err := selectUser(ctx, s.DB, caller.UserID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, accountGone()
	}
	if err != nil {
		return nil, fmt.Errorf("get user %s: %w", caller.UserID, err)
	}
	return show(u), nil
}

// unlessGone returns what to answer where nothing of a caller was found: that the
// account is no more if that is why, otherwise what is given.
func (s *service) unlessGone(ctx context.Context, id uuid.UUID, otherwise error) error {
	_, err := selectUser(ctx, s.DB, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return accountGone()
	case err != nil:
		return fmt.Errorf("get user %s: %w", id, err)
	default:
		return otherwise
	}
}

// principal returns the caller of a function that is for signed-in users.
func principal(ctx context.Context) (auth.Principal, error) {
	caller, ok := auth.PrincipalFrom(ctx)
	if !ok {
		return auth.Principal{}, errors.New("called without a principal")
	}
	return caller, nil
}
