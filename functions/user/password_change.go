package user

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/functions/user/internal/password"
	"souk/shared/api"
	"souk/shared/database"
)

type changePasswordInput struct {
	Body struct {
		CurrentPassword string `json:"currentPassword" format:"password" minLength:"1" maxLength:"128" doc:"The account's current password." example:"seven green bicycles"`
		NewPassword     string `json:"newPassword" format:"password" minLength:"8" maxLength:"128" doc:"8 to 128 characters of any kind. Common passwords, the e-mail address and the name are rejected." example:"nine blue umbrellas"`
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
	if errors.Is(err, database.ErrNotFound) {
		return nil, accountDeleted()
	}
	if err != nil {
		return nil, fmt.Errorf("change password of user %s: %w", caller.UserID, err)
	}
	hash, err := s.passwords.Hash(ctx, in.Body.NewPassword)
	if err != nil {
		return nil, fmt.Errorf("change password of user %s: %w", caller.UserID, err)
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		updated, err := updatePassword(ctx, tx, caller.UserID, version, hash)
		if err != nil {
			return err
		}
		if !updated { // a concurrent request changed the password
			return wrongPassword()
		}
		// Networks of logins with the old password are no longer familiar, because one of
		// them may be an attacker's.
		changed := credentials{UserID: caller.UserID, PasswordVersion: version + 1}
		if err := rememberNetwork(ctx, tx, changed, networkKeyFor(ctx, caller.UserID), s.Now()); err != nil {
			return err
		}
		if err := deleteOtherFamilies(ctx, tx, caller.UserID, caller.SessionID); err != nil {
			return err
		}
		if err := s.revokeTokens(ctx, tx, caller.UserID); err != nil {
			return err
		}
		if err := recordPassword(ctx, tx, caller.UserID, version+1, s.Now()); err != nil {
			return err
		}
		return topicPasswordChanged.Add(ctx, tx, s.Outbox, caller.UserID, passwordChanged{UserID: caller.UserID})
	})
	if err != nil {
		return nil, fmt.Errorf("change password of user %s: %w", caller.UserID, err)
	}
	return nil, nil //nolint:nilnil // a 204 has no body
}

// checkChange checks both passwords, and returns the version of the current password.
func (s *service) checkChange(ctx context.Context, id uuid.UUID, in *changePasswordInput) (int64, error) {
	u, err := selectUser(ctx, s.DB, id)
	if err != nil {
		return 0, err
	}
	if message := password.Validate(in.Body.NewPassword, u.Email, u.Name); message != "" {
		return 0, api.Invalid("body.newPassword", api.FieldCommonPassword, "%s", message)
	}
	current, err := s.checkPassword(ctx, emailKey(u.Email), in.Body.CurrentPassword)
	if err != nil {
		return 0, err
	}
	if !current.correct {
		return 0, wrongPassword()
	}
	return current.PasswordVersion, nil
}

// wrongPassword returns the problem of a wrong current password. Its status is 403, not
// 401, because the caller's token is valid and a client must not request a new one.
func wrongPassword() error {
	return api.NewProblem(http.StatusForbidden, "wrong_password", "The current password is wrong. Send the account's current password as currentPassword.")
}
