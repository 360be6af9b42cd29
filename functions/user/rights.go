package user

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/revocation"
)

// rights are the role and the version that an access token of a user contains.
type rights struct {
	Role auth.Role
	// Version counts the revocations of all tokens of the user.
	Version int64
}

// revokeTokens revokes every access token of a user in every service. It is part of a
// change of role or password, and of a deletion. Remaining sessions get new access tokens
// by a refresh.
func (s *service) revokeTokens(ctx context.Context, tx *database.Tx, userID uuid.UUID) error {
	version, err := nextRightsVersion(ctx, tx, userID)
	if err != nil {
		return fmt.Errorf("revoke tokens of user %s: %w", userID, err)
	}
	return s.revoke(ctx, tx, revocation.OfUser(userID, version))
}

// revokeSession revokes every access token of one session of a user in every service.
// deleteFamily deletes its refresh tokens. Tokens without a session cannot be revoked
// this way.
func (s *service) revokeSession(ctx context.Context, tx *database.Tx, userID, sessionID uuid.UUID) error {
	if sessionID == uuid.Nil {
		return nil
	}
	return s.revoke(ctx, tx, revocation.OfSession(userID, sessionID))
}

func (s *service) revoke(ctx context.Context, tx *database.Tx, revoked revocation.Revoked) error {
	if err := s.Revocations.Store(ctx, tx, revoked); err != nil {
		return err
	}
	return revocation.Topic.Add(ctx, tx, s.Outbox, revoked.UserID, revoked)
}
