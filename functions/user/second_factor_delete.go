package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type deleteFactorInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// secondFactorDelete handles DELETE /v1/users/me/second-factor/{id}. The login within
// maxLoginAge has checked the password and a code, or a passkey, so that the request needs
// neither, and failed attempts are counted in one place.
//
// # Remove an authenticator app or passkey
//
// Requires a sign-in within the last minutes (POST /v1/sessions), with the second factor: a
// refreshed token is not enough. With the last of them, the recovery codes are deleted, all
// other sessions end, and all access tokens are revoked: refresh the session to get a new one.
func (s *service) secondFactorDelete(ctx context.Context, in *deleteFactorInput) (*struct{}, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		owner, err := s.lockFactorOwner(ctx, tx, caller)
		if errors.Is(err, database.ErrNotFound) {
			return accountDeleted()
		}
		if err != nil {
			return err
		}
		change, err := deleteFactor(ctx, tx, owner.ID, in.ID)
		if err != nil {
			return err
		}
		return s.removeFactor(ctx, tx, owner, caller.SessionID, change)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("factor", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("remove factor %s of user %s: %w", in.ID, caller.UserID, err)
	}
	return nil, nil //nolint:nilnil // a 204 has no body
}

// deleteFactor deletes a factor of a locked account.
func deleteFactor(ctx context.Context, tx *database.Tx, userID, id uuid.UUID) (factorChange, error) {
	deleted, err := deleteTOTP(ctx, tx, userID, id)
	if err != nil || deleted {
		return totpRemoved, err
	}
	if deleted, err = deletePasskey(ctx, tx, userID, id); err != nil || deleted {
		return passkeyRemoved, err
	}
	return "", database.ErrNotFound
}

// removeFactor completes the removal of a factor of a locked account.
func (s *service) removeFactor(ctx context.Context, tx *database.Tx, owner factorOwner, session uuid.UUID, change factorChange) error {
	remaining, err := selectFactors(ctx, tx, owner.ID)
	if err != nil {
		return err
	}
	if len(remaining) == 0 && owner.SecondFactor {
		if err := deleteRecoveryCodes(ctx, tx, owner.ID); err != nil {
			return err
		}
		if err := s.setSecondFactor(ctx, tx, owner.ID, session, false); err != nil {
			return err
		}
	}
	return s.publishFactorChange(ctx, tx, owner.ID, change)
}
