package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
)

// sessionDelete handles DELETE /v1/sessions/current.
//
// # Sign out
//
// Deletes the session's refresh tokens, and revokes its access tokens in every service
// within 5 seconds.
func (s *service) sessionDelete(ctx context.Context, _ *struct{}) (*struct{}, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := lockUser(ctx, tx, caller.UserID); err != nil {
			return err
		}
		return s.endSession(ctx, tx, caller.UserID, caller.SessionID)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, accountDeleted()
	}
	if err != nil {
		return nil, fmt.Errorf("delete a session of user %s: %w", caller.UserID, err)
	}
	return nil, nil //nolint:nilnil // a 204 has no body
}

// endSession deletes the refresh tokens of a login and revokes its access tokens. The
// user must be locked.
func (s *service) endSession(ctx context.Context, tx *database.Tx, userID, sessionID uuid.UUID) error {
	if err := deleteFamily(ctx, tx, userID, sessionID); err != nil {
		return err
	}
	return s.revokeSession(ctx, tx, userID, sessionID)
}
