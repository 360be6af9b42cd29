package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type changePasswordInput struct {
	Body struct {
		CurrentPassword string `json:"currentPassword" format:"password" minLength:"1" maxLength:"128" example:"seven green bicycles"`
		NewPassword     string `json:"newPassword" format:"password" minLength:"8" maxLength:"128" doc:"8 to 128 characters of any kind; not one that everybody uses." example:"nine blue umbrellas"`
	}
}

// passwordChange handles PUT /v1/users/me/password. It requires the current password,
// so that a stolen access token is not enough.
//
// # Change the caller's password
//
// Requires the current password. All other sessions end, and all access tokens are
// revoked: refresh the session to get a new one.
func (s *service) passwordChange(ctx context.Context, in *changePasswordInput) (*struct{}, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	version, err := s.checkChange(ctx, caller.UserID, in)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, accountGone()
	}
	if err != nil {
		return nil, fmt.Errorf("change the password of user %s: %w", caller.UserID, err)
	}
	hash, err := s.passwords.Hash(ctx, in.Body.NewPassword)
	if err != nil {
		return nil, fmt.Errorf("change the password of user %s: %w", caller.UserID, err)
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		updated, err := updatePassword(ctx, tx, caller.UserID, version, hash)
		if err != nil {
			return err
		}
		if !updated { // it changed while it was checked
			return wrongPassword()
		}
		// Other networks are strange again: one of them may be a thief's.
		changed := credentials{UserID: caller.UserID, PasswordVersion: version + 1}
		if err := rememberNetwork(ctx, tx, changed, networkOf(ctx, caller.UserID), s.Now()); err != nil {
			return err
		}
		if err := deleteOtherFamilies(ctx, tx, caller.UserID, caller.SessionID); err != nil {
			return err
		}
		if err := s.revokeTokens(ctx, tx, caller.UserID); err != nil {
			return err
		}
		return topicPasswordChanged.Add(ctx, tx, s.Outbox, caller.UserID, passwordChanged{UserID: caller.UserID})
	})
	if err != nil {
		return nil, fmt.Errorf("change the password of user %s: %w", caller.UserID, err)
	}
	return nil, nil //nolint:nilnil // huma's way to answer 204
}

// checkChange checks both passwords, and returns the version of the current one.
func (s *service) checkChange(ctx context.Context, id uuid.UUID, in *changePasswordInput) (int64, error) {
	u, err := selectUser(ctx, s.DB, id)
	if err != nil {
		return 0, err
	}
	if fault := passwordFault(in.Body.NewPassword, u.Email, u.Name); fault != "" {
		return 0, api.Invalid("body.newPassword", api.FieldCommonPassword, "%s", fault)
	}
	current, err := s.checkPassword(ctx, emailKey(u.Email), in.Body.CurrentPassword)
	if err != nil {
		return 0, err
	}
	if !current.right {
		return 0, wrongPassword()
	}
	return current.PasswordVersion, nil
}

// wrongPassword is a 403, not a 401: the caller's token is good, and a client
// must not take this for a reason to get another.
func wrongPassword() error {
	return api.NewProblem(http.StatusForbidden, "wrong_password", "The current password is wrong.")
}
