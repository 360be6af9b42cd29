package user

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/functions/user/internal/password/passwordhash"
	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

type revertEmailInput struct {
	Body struct {
		Token string `json:"token" format:"password" minLength:"1" maxLength:"128" doc:"The token from the notice to the old address." example:"3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
	}
}

// emailRevert handles POST /v1/email-changes/revert. A person who changed the address could sign
// in, so that the account needs a new password as well.
//
// # Revert a change of e-mail address
//
// Requires the token that was mailed to the old address, which becomes the address of the
// account again. All sessions end, and the password is no longer valid: set a new one by a
// password reset (POST /v1/password-resets). What was added in the seven days before the change
// was requested, or later, is removed: authenticator app, passkeys and recovery codes. The API keys
// that the account has created or rotated in that time are revoked. An older second factor remains.
func (s *service) emailRevert(ctx context.Context, in *revertEmailInput) (*struct{}, error) {
	token := hashSecret(in.Body.Token)
	var c emailChange
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		userID, err := selectUserByRevertToken(ctx, tx, token)
		if err != nil {
			return err
		}
		u, err := lockUser(ctx, tx, userID)
		if err != nil {
			return err
		}
		if c, err = lockEmailChangeByRevertToken(ctx, tx, u.ID, token); err != nil {
			return err
		}
		if !s.Now().Before(c.ExpiresAt) {
			return database.ErrNotFound
		}
		return s.revertEmail(ctx, tx, u, c)
	})
	if errors.Is(err, database.ErrNotFound) || database.IsDuplicate(err) {
		return nil, invalidRevertToken()
	}
	if err != nil {
		return nil, fmt.Errorf("revert an e-mail change: %w", err)
	}
	slog.InfoContext(ctx, "e-mail change reverted", "user", c.UserID, "change", c.ID)
	return nil, nil //nolint:nilnil // a 204 has no body
}

// revertEmail restores the old address of a locked account, voids its password, removes its recent
// credentials and revokes its sessions and tokens. The tokens of later changes, whose addresses may
// be an attacker's, are deleted with the changes; those of earlier ones remain valid.
func (s *service) revertEmail(ctx context.Context, tx *database.Tx, u User, c emailChange) error {
	ctx = trail.ByAccount(ctx, u.ID, u.Role)
	before, changed := u, u.Email
	u.Email, u.UpdatedAt = c.OldEmail, s.Now()
	u.Version++
	if err := updateEmail(ctx, tx, u); err != nil {
		return err
	}
	if err := recordChange(ctx, tx, u.ID, before, u, u.UpdatedAt); err != nil {
		return err
	}
	if err := deleteEmailChangesSince(ctx, tx, u.ID, c.CreatedAt); err != nil {
		return err
	}
	if err := replacePassword(ctx, tx, u.ID, passwordhash.Placeholder()); err != nil {
		return err
	}
	for _, email := range []string{changed, u.Email} {
		if err := deletePasswordResets(ctx, tx, emailKey(email)); err != nil {
			return err
		}
	}
	since := c.credentialsSince()
	if err := s.removeFactorsSince(ctx, tx, u.ID, since); err != nil {
		return fmt.Errorf("remove the factors of user %s since %s: %w", u.ID, since, err)
	}
	if err := s.revokeKeysSince(ctx, tx, u.ID, since); err != nil {
		return fmt.Errorf("revoke the keys of user %s since %s: %w", u.ID, since, err)
	}
	if err := deleteOtherFamilies(ctx, tx, u.ID, uuid.Nil); err != nil {
		return err
	}
	return s.revokeTokens(ctx, tx, u.ID)
}

// credentialsSince returns the time from which on credentials may be those of the person who
// requested the change. It is before the request: an attacker can add a passkey first.
func (c emailChange) credentialsSince() time.Time { return c.CreatedAt.Add(-emailRevertTTL) }

// invalidRevertToken returns the problem of a token that reverts no change.
func invalidRevertToken() error {
	return api.NewProblem(http.StatusBadRequest, "invalid_token", "The token is wrong, has expired or was used already, or the old address has another account now. Contact the shop.")
}
