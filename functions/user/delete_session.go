package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"souk/shared/database"
)

// deleteSession ends the login that the caller's token comes of: none of its
// refresh tokens is good any more. The access token is, for what is left of its
// quarter of an hour.
func (s *service) deleteSession(ctx context.Context, _ *struct{}) (*struct{}, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := lockUser(ctx, tx, caller.UserID); err != nil {
			return err
		}
		return deleteFamily(ctx, tx, caller.UserID, caller.SessionID)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, accountGone()
	}
	if err != nil {
		return nil, fmt.Errorf("delete a session of user %s: %w", caller.UserID, err)
	}
	return nil, nil //nolint:nilnil // huma's way to answer 204
}
