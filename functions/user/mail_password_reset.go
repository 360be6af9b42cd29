package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

// passwordResetRequested is the event that somebody wants to set a password anew.
type passwordResetRequested struct {
	ResetID uuid.UUID `json:"resetId"`
}

// mailPasswordReset sends the token that sets a password anew to the owner of the
// account. Where there is none, nobody is told.
func (s *service) mailPasswordReset(ctx context.Context, tx *database.Tx, e event.Event, asked passwordResetRequested) error {
	r, err := lockPasswordReset(ctx, tx, asked.ResetID)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !s.Now().Before(r.ExpiresAt) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read password reset %s: %w", asked.ResetID, err)
	}
	owner, err := s.ownerToMail(ctx, tx, r)
	if errors.Is(err, sql.ErrNoRows) {
		err = deletePasswordReset(ctx, tx, r.ID)
		if err != nil {
			return fmt.Errorf("drop password reset %s: %w", r.ID, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("mail password reset %s: %w", r.ID, err)
	}
	token, hash := newSecret()
	if err := updatePasswordResetToken(ctx, tx, r.ID, hash); err != nil {
		return fmt.Errorf("mail password reset %s: %w", r.ID, err)
	}
	return s.mail(ctx, e, passwordResetMail, recipient{Name: owner.Name, Email: owner.Email}, mailData{
		Name: owner.Name, At: r.CreatedAt, Until: r.ExpiresAt, Token: token, Link: s.link("reset-password", token),
	})
}

// ownerToMail returns whom to mail, or sql.ErrNoRows for nobody: there is no such
// account, or it got its share of mail.
func (s *service) ownerToMail(ctx context.Context, tx *database.Tx, r passwordReset) (User, error) {
	c, err := selectCredentials(ctx, tx, r.EmailKey)
	if err != nil {
		return User{}, err
	}
	allowed, err := s.takeMail(ctx, tx, "password-reset", r.EmailKey)
	if err == nil && !allowed {
		err = sql.ErrNoRows
	}
	if err != nil {
		return User{}, err
	}
	return selectUser(ctx, tx, c.UserID)
}
