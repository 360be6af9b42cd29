package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

// passwordResetRequested is the payload of password-reset-requested.
type passwordResetRequested struct {
	ResetID uuid.UUID `json:"resetId"`
}

// passwordResetMail mails the token of a reset to the owner of the account. An address
// without an account is not mailed.
func (s *service) passwordResetMail(ctx context.Context, tx *database.Tx, m *mailMessage[passwordResetRequested]) (outgoingMail, error) {
	r, err := lockPasswordReset(ctx, tx, m.Payload.ResetID)
	if errors.Is(err, database.ErrNotFound) || err == nil && !s.Now().Before(r.ExpiresAt) {
		return outgoingMail{}, nil
	}
	if err != nil {
		return outgoingMail{}, fmt.Errorf("read password reset %s: %w", m.Payload.ResetID, err)
	}
	mail, err := s.composePasswordResetMail(ctx, tx, m.Event, r, m.First)
	if errors.Is(err, database.ErrNotFound) {
		mail, err = outgoingMail{}, deletePasswordReset(ctx, tx, r.ID)
	}
	if err != nil {
		return outgoingMail{}, fmt.Errorf("mail password reset %s: %w", r.ID, err)
	}
	return mail, nil
}

// composePasswordResetMail returns the mail of a reset. The error is database.ErrNotFound if
// there is no such account, or its mail quota is spent.
func (s *service) composePasswordResetMail(ctx context.Context, tx *database.Tx, e event.Event, r passwordReset, first bool) (outgoingMail, error) {
	c, err := selectAccount(ctx, tx, r.EmailKey)
	if err != nil {
		return outgoingMail{}, err
	}
	if first {
		allowed, err := passwordResetQuota.spend(ctx, tx, r.EmailKey, s.Now())
		if err != nil {
			return outgoingMail{}, err
		}
		if !allowed {
			return outgoingMail{}, database.ErrNotFound
		}
	}
	owner, err := selectUser(ctx, tx, c.UserID)
	if err != nil {
		return outgoingMail{}, err
	}
	token, hash := s.deriveToken(passwordResetTemplate, e.ID)
	if err := updatePasswordResetToken(ctx, tx, r.ID, hash); err != nil {
		return outgoingMail{}, fmt.Errorf("store the token: %w", err)
	}
	return outgoingMail{Kind: passwordResetTemplate, To: recipient{Name: owner.Name, Email: owner.Email}, Data: mailData{
		Name: owner.Name, At: r.CreatedAt, Until: r.ExpiresAt, Token: token, Link: s.link("reset-password", token),
	}}, nil
}
