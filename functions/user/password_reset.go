package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type resetPasswordInput struct {
	Body struct {
		Token       string `json:"token" format:"password" minLength:"1" maxLength:"128" doc:"The token of our mail." example:"3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
		NewPassword string `json:"newPassword" format:"password" minLength:"8" maxLength:"128" doc:"8 to 128 characters of any kind; not one that everybody uses." example:"nine blue umbrellas"`
	}
}

// passwordReset handles POST /v1/password-resets/confirm.
//
// # Reset a password
//
// Requires the token that was mailed. All sessions of the account end.
func (s *service) passwordReset(ctx context.Context, in *resetPasswordInput) (*struct{}, error) {
	token := hashSecret(in.Body.Token)
	// A hash takes a while: only for who has a token.
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
			return sql.ErrNoRows
		}
		c, err := selectCredentials(ctx, tx, r.EmailKey)
		if err != nil {
			return err
		}
		if err := s.setPassword(ctx, tx, c.UserID, r.EmailKey, hash); err != nil {
			return err
		}
		// The mailbox is the way in for who has used up all tries, or others have.
		return s.welcome(ctx, tx, r.EmailKey, c)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, invalidToken()
	}
	if err != nil {
		return nil, fmt.Errorf("reset a password: %w", err)
	}
	return nil, nil //nolint:nilnil // huma's way to answer 204
}

// setPassword replaces a password, ends what came of the old one, and tells the
// owner.
func (s *service) setPassword(ctx context.Context, tx *database.Tx, id uuid.UUID, emailKey, hash string) error {
	if err := replacePassword(ctx, tx, id, hash); err != nil {
		return err
	}
	if err := deleteOtherFamilies(ctx, tx, id, uuid.Nil); err != nil {
		return err
	}
	if err := deletePasswordResetsOf(ctx, tx, emailKey); err != nil {
		return err
	}
	if err := s.revokeTokens(ctx, tx, id); err != nil {
		return err
	}
	return topicPasswordChanged.Add(ctx, tx, s.Outbox, id, passwordChanged{UserID: id})
}

// checkReset says whether a token is good for that password.
func (s *service) checkReset(ctx context.Context, token secretHash, password string) error {
	u, err := selectUserByResetToken(ctx, s.DB, token, s.Now())
	if errors.Is(err, sql.ErrNoRows) {
		return invalidToken()
	}
	if err != nil {
		return fmt.Errorf("reset a password: %w", err)
	}
	if fault := passwordFault(password, u.Email, u.Name); fault != "" {
		return api.Invalid("body.newPassword", api.FieldCommonPassword, "%s", fault)
	}
	return nil
}
