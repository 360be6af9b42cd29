package user

import (
	"context"
	"errors"
	"fmt"

	"souk/shared/database"
)

// emailChangeMail mails the token that confirms a change of an e-mail address to the new
// address. An address that has another account is mailed a notice instead. A change that was
// replaced or confirmed is not mailed.
func (s *service) emailChangeMail(ctx context.Context, tx *database.Tx, m *mailMessage[emailChangeRequested]) (outgoingMail, error) {
	c, err := lockEmailChange(ctx, tx, m.Payload.ChangeID)
	if errors.Is(err, database.ErrNotFound) || err == nil && (!c.ConfirmedAt.IsZero() || !s.Now().Before(c.ExpiresAt)) {
		return outgoingMail{}, nil
	}
	if err != nil {
		return outgoingMail{}, fmt.Errorf("read e-mail change %s: %w", m.Payload.ChangeID, err)
	}
	if m.First {
		if allowed, err := emailChangeQuota.spend(ctx, tx, c.NewEmail, s.Now()); err != nil || !allowed {
			return outgoingMail{}, err
		}
	}
	data := mailData{At: c.CreatedAt, Until: c.ExpiresAt}
	owner, err := selectAccount(ctx, tx, emailKey(c.NewEmail))
	switch {
	case err == nil && owner.UserID != c.UserID:
		return outgoingMail{Kind: emailChangeTemplate, To: recipient{Email: c.NewEmail}, Data: data}, nil
	case err != nil && !errors.Is(err, database.ErrNotFound):
		return outgoingMail{}, fmt.Errorf("read the account of the new address of e-mail change %s: %w", c.ID, err)
	}
	token, hash := s.deriveToken(emailChangeTemplate, m.Event.ID)
	if err := updateEmailChangeToken(ctx, tx, c.ID, hash); err != nil {
		return outgoingMail{}, fmt.Errorf("store the token of e-mail change %s: %w", c.ID, err)
	}
	data.Token, data.Link = token, s.link("change-email", token)
	return outgoingMail{Kind: emailChangeTemplate, To: recipient{Email: c.NewEmail}, Data: data}, nil
}
