package user

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/revocation"
)

// rights are what an access token of a user is signed with.
type rights struct {
	Role auth.Role
	// Version counts the revocations of all tokens of the user.
	Version int64
}

// revokeTokens revokes every access token of a user, in every service: part of a change
// of role or password, and of a deletion. Sessions that remain get new ones by a
// refresh.
func (s *service) revokeTokens(ctx context.Context, tx *database.Tx, userID uuid.UUID) error {
	version, err := nextRightsVersion(ctx, tx, userID)
	if err != nil {
		return fmt.Errorf("revoke the tokens of user %s: %w", userID, err)
	}
	return s.revoke(ctx, tx, revocation.OfUser(userID, version))
}

// revokeSession revokes every access token of one session of a user, in every service.
// Its refresh tokens are deleted by deleteFamily. A token without a session has nothing
// that could be revoked.
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
