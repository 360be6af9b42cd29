package user

import (
	"context"
	"errors"
	"fmt"

	"souk/shared/database"
)

// recoveryCodeCreate handles POST /v1/users/me/recovery-codes. It ignores an Idempotency-Key,
// because its response would be stored: a repeated request returns new codes.
//
// # Replace the recovery codes
//
// Returns ten new recovery codes. All earlier ones are no longer valid. Requires a second factor
// and a sign-in within the last minutes (POST /v1/sessions): a refreshed token is not enough.
func (s *service) recoveryCodeCreate(ctx context.Context, _ *struct{}) (*recoveryCodesOutput, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	out := &recoveryCodesOutput{CacheControl: "no-store"}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		owner, err := s.lockFactorOwner(ctx, tx, caller)
		if err != nil {
			return err
		}
		if !owner.SecondFactor {
			return noSecondFactor()
		}
		if out.Body.RecoveryCodes, err = replaceRecoveryCodes(ctx, tx, owner.ID, s.Now()); err != nil {
			return err
		}
		return s.publishFactorChange(ctx, tx, owner.ID, recoveryCodesCreated)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, accountDeleted()
	}
	if err != nil {
		return nil, fmt.Errorf("replace the recovery codes of user %s: %w", caller.UserID, err)
	}
	return out, nil
}
