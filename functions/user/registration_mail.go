package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

// registrationRequested is the payload of registration-requested. It contains neither
// the address nor the token, which are only in the database.
type registrationRequested struct {
	RegistrationID uuid.UUID `json:"registrationId"`
}

// registrationMail mails the token that confirms a registration to its address. An
// address that has an account is mailed a notice instead. A registration that was
// replaced by a newer one is not mailed.
func (s *service) registrationMail(ctx context.Context, tx *database.Tx, m *mailMessage[registrationRequested]) (outgoingMail, error) {
	r, err := lockRegistration(ctx, tx, m.Payload.RegistrationID)
	if errors.Is(err, database.ErrNotFound) || err == nil && !s.Now().Before(r.ExpiresAt) {
		return outgoingMail{}, nil
	}
	if err != nil {
		return outgoingMail{}, fmt.Errorf("read registration %s: %w", m.Payload.RegistrationID, err)
	}
	mail, err := s.composeRegistrationMail(ctx, tx, m.Event, r, m.First)
	if err != nil {
		return outgoingMail{}, fmt.Errorf("mail registration %s: %w", r.ID, err)
	}
	return mail, nil
}

// composeRegistrationMail returns the mail of a registration, or none if the address's
// mail quota is spent.
func (s *service) composeRegistrationMail(ctx context.Context, tx *database.Tx, e event.Event, r Registration, first bool) (outgoingMail, error) {
	if first {
		// Without a mail, the registration can be confirmed with a token of the mails that
		// spent the quota.
		if allowed, err := registrationQuota.spend(ctx, tx, r.Email, s.Now()); err != nil || !allowed {
			return outgoingMail{}, err
		}
	}
	c, err := selectAccount(ctx, tx, emailKey(r.Email))
	switch {
	case errors.Is(err, database.ErrNotFound):
		return s.confirmationMail(ctx, tx, e, r)
	case err != nil:
		return outgoingMail{}, err
	}
	owner, err := selectUser(ctx, tx, c.UserID)
	if err != nil {
		return outgoingMail{}, err
	}
	return outgoingMail{Kind: accountExistsTemplate, To: recipient{Name: owner.Name, Email: owner.Email}, Data: mailData{Name: owner.Name, At: r.CreatedAt}}, nil
}

// confirmationMail returns the mail with the token that confirms a registration.
func (s *service) confirmationMail(ctx context.Context, tx *database.Tx, e event.Event, r Registration) (outgoingMail, error) {
	token, hash := s.deriveToken(registrationTemplate, e.ID)
	if err := insertConfirmation(ctx, tx, hash, r); err != nil {
		return outgoingMail{}, fmt.Errorf("store the token: %w", err)
	}
	return outgoingMail{Kind: registrationTemplate, To: recipient{Email: r.Email}, Data: mailData{
		At: r.CreatedAt, Until: r.ExpiresAt, Token: token, Link: s.link("confirm-email", token),
	}}, nil
}
