package user

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/manifest"
	"souk/shared/revocation"
)

// rights are what an access token of a user contains about the user's rights.
type rights struct {
	Role        auth.Role
	Permissions manifest.PermissionSet
	// Version counts the revocations of all tokens of the user.
	Version int64
	// SecondFactor is whether the account has a second factor.
	SecondFactor bool
}

// lockRights returns the rights of an account, and locks them for reading until the transaction
// ends: a change of its role, or of the permissions of that, waits. An account whose role does not
// exist has the rights of a customer.
func lockRights(ctx context.Context, tx *database.Tx, id uuid.UUID) (rights, error) {
	r, err := lockRole(ctx, tx, id)
	if err != nil {
		return rights{}, err
	}
	return lockRightsOf(ctx, tx, r)
}

// lockRightsOf completes the rights of a locked account with the permissions of its role.
func lockRightsOf(ctx context.Context, tx *database.Tx, r rights) (rights, error) {
	permissions, found, err := lockPermissions(ctx, tx, r.Role)
	if err != nil {
		return rights{}, err
	}
	if r.Permissions = permissions; !found {
		r.Role = auth.Customer
	}
	return r, nil
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
