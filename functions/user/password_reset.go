package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/functions/user/internal/password"
	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

type resetPasswordInput struct {
	Body struct {
		Token       string `json:"token" format:"password" minLength:"1" maxLength:"128" doc:"The token from the mail." example:"3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
		NewPassword string `json:"newPassword" format:"password" minLength:"8" maxLength:"128" doc:"8 to 128 characters of any kind. Common passwords, the e-mail address and the name are rejected." example:"nine blue umbrellas"`
	}
}

// passwordReset handles POST /v1/password-resets/confirm.
//
// # Reset a password
//
// Requires the token that was mailed. All sessions of the account end.
func (s *service) passwordReset(ctx context.Context, in *resetPasswordInput) (*struct{}, error) {
	token := hashSecret(in.Body.Token)
	// Hashing is expensive: check the token first.
	if err := s.checkReset(ctx, token, in.Body.NewPassword); err != nil {
		return nil, err
	}
	hash, err := s.passwords.Hash(ctx, in.Body.NewPassword)
	if err != nil {
		return nil, fmt.Errorf("reset a password: %w", err)
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		r, err := lockPasswordResetByToken(ctx, tx, token)
		if err != nil {
			return err
		}
		if !s.Now().Before(r.ExpiresAt) {
			return database.ErrNotFound
		}
		c, err := selectAccount(ctx, tx, r.EmailKey)
		if err != nil {
			return err
		}
		if err := s.setPassword(ctx, tx, c.UserID, r.EmailKey, hash); err != nil {
			return err
		}
		if err := recordPassword(trail.ByAccount(ctx, c.UserID, c.Role), tx, c.UserID, c.PasswordVersion+1, s.Now()); err != nil {
			return err
		}
		// The owner may have no login attempts left, by own errors or by an attacker's.
		return s.login.reset(ctx, tx, r.EmailKey, c)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, invalidToken()
	}
	if err != nil {
		return nil, fmt.Errorf("reset a password: %w", err)
	}
	return nil, nil //nolint:nilnil // a 204 has no body
}

// setPassword replaces a password, deletes the sessions and resets of the account,
// revokes its access tokens, and publishes password-changed.
func (s *service) setPassword(ctx context.Context, tx *database.Tx, id uuid.UUID, emailKey, hash string) error {
	if err := replacePassword(ctx, tx, id, hash); err != nil {
		return err
	}
	if err := deleteOtherFamilies(ctx, tx, id, uuid.Nil); err != nil {
		return err
	}
	if err := deletePasswordResets(ctx, tx, emailKey); err != nil {
		return err
	}
	if err := s.revokeTokens(ctx, tx, id); err != nil {
		return err
	}
	return topicPasswordChanged.Add(ctx, tx, s.Outbox, id, passwordChanged{UserID: id})
}

// checkReset returns a problem if a token is not valid, or the new password is easily
// guessed.
func (s *service) checkReset(ctx context.Context, token secretHash, newPassword string) error {
	u, err := selectUserByResetToken(ctx, s.DB, token, s.Now())
	if errors.Is(err, database.ErrNotFound) {
		return invalidToken()
	}
	if err != nil {
		return fmt.Errorf("reset a password: %w", err)
	}
	if message := password.Validate(newPassword, u.Email, u.Name); message != "" {
		return api.Invalid("body.newPassword", api.FieldCommonPassword, "%s", message)
	}
	return nil
}
