package user

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type resetFactorInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// secondFactorReset handles DELETE /v1/users/{id}/second-factor.
//
// # Reset an account's second factor
//
// Removes the authenticator app, the passkeys and the recovery codes of a person who has lost
// them. Check who asks for it first. The person is notified by mail, all sessions of the account
// end, and the password alone signs in until a new second factor is set up. Callers cannot reset
// their own, nor that of an account with permissions that they lack.
func (s *service) secondFactorReset(ctx context.Context, in *resetFactorInput) (*struct{}, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	if in.ID == caller.UserID {
		return nil, api.NewProblem(http.StatusConflict, "own_account", "You cannot reset your own second factor. Remove what GET /v1/users/me/second-factor lists, or ask another owner.")
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		granting, u, err := lockForGrant(ctx, tx, caller, in.ID)
		if err != nil {
			return err
		}
		if err := checkGrant(ctx, tx, granting, u.Role, u.Role); err != nil {
			return err
		}
		owner, err := lockOwner(ctx, tx, u.ID)
		if err != nil || !owner.SecondFactor {
			return err
		}
		return s.resetFactors(ctx, tx, owner)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("user", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("reset the second factor of user %s: %w", in.ID, err)
	}
	slog.InfoContext(ctx, "second factor reset", "user", in.ID, "by", caller.UserID)
	return nil, nil //nolint:nilnil // a 204 has no body
}

// resetFactors removes all factors of a locked account, and ends its sessions.
func (s *service) resetFactors(ctx context.Context, tx *database.Tx, owner factorOwner) error {
	if err := deleteAnyTOTP(ctx, tx, owner.ID); err != nil {
		return err
	}
	if err := deletePasskeys(ctx, tx, owner.ID); err != nil {
		return err
	}
	if err := deleteRecoveryCodes(ctx, tx, owner.ID); err != nil {
		return err
	}
	if err := s.setSecondFactor(ctx, tx, owner.ID, uuid.Nil, false); err != nil {
		return err
	}
	return s.publishFactorChange(ctx, tx, owner.ID, secondFactorReset)
}
