package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
)

// get handles GET /v1/users/me.
//
// # Get the caller's account
func (s *service) get(ctx context.Context, _ *struct{}) (*userResponse, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	u, err := selectUser(ctx, s.DB, caller.UserID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, accountDeleted()
	}
	if err != nil {
		return nil, fmt.Errorf("get user %s: %w", caller.UserID, err)
	}
	return newResponse(u), nil
}

// accountDeletedOr returns the error of a request that found no rows of a caller:
// accountDeleted if the account was deleted, or else otherwise.
func (s *service) accountDeletedOr(ctx context.Context, id uuid.UUID, otherwise error) error {
	_, err := selectUser(ctx, s.DB, id)
	switch {
	case errors.Is(err, database.ErrNotFound):
		return accountDeleted()
	case err != nil:
		return fmt.Errorf("get user %s: %w", id, err)
	default:
		return otherwise
	}
}

// principal returns the caller of a function that requires a signed-in user.
func principal(ctx context.Context) (auth.Principal, error) {
	caller, ok := auth.PrincipalFrom(ctx)
	if !ok {
		return auth.Principal{}, errors.New("called without a principal")
	}
	return caller, nil
}
