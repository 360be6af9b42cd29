package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"souk/shared/auth"
)

// get shows callers their own account.
func (s *service) get(ctx context.Context, _ *struct{}) (*answer, error) {
	caller, ok := auth.PrincipalFrom(ctx)
	if !ok {
		return nil, errors.New("get user: called without a principal")
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
