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

// registrationRequested is the event that an account was requested. It holds no address
// and no token: those stay in the database.
type registrationRequested struct {
	RegistrationID uuid.UUID `json:"registrationId"`
}

// registrationMail sends the token that confirms a registration to its address. An
// address that has an account is sent a notice of that instead. A registration that a
// newer one has replaced is not mailed.
func (s *service) registrationMail(ctx context.Context, e event.Event, requested registrationRequested) error {
	return s.deliver(ctx, "registration-mail", e, func(ctx context.Context, tx *database.Tx, first bool) (outgoing, error) {
		r, _, err := lockRegistration(ctx, tx, requested.RegistrationID)
		if errors.Is(err, sql.ErrNoRows) || err == nil && !s.Now().Before(r.ExpiresAt) {
			return outgoing{}, nil
		}
		if err != nil {
			return outgoing{}, fmt.Errorf("read registration %s: %w", requested.RegistrationID, err)
		}
		m, err := s.composeRegistrationMail(ctx, tx, e, r, first)
		if err != nil {
			return outgoing{}, fmt.Errorf("mail registration %s: %w", r.ID, err)
		}
		return m, nil
	})
}

func (s *service) composeRegistrationMail(ctx context.Context, tx *database.Tx, e event.Event, r Registration, first bool) (outgoing, error) {
	if first {
		// Without a mail of its own, the registration can be confirmed with a token of
		// those that have used the quota up.
		if allowed, err := registrationQuota.spend(ctx, tx, r.Email, s.Now()); err != nil || !allowed {
			return outgoing{}, err
		}
	}
	c, err := selectCredentials(ctx, tx, emailKey(r.Email))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return s.confirmationMail(ctx, tx, e, r)
	case err != nil:
		return outgoing{}, err
	}
	owner, err := selectUser(ctx, tx, c.UserID)
	if err != nil {
		return outgoing{}, err
	}
	return outgoing{accountExistsTemplate, recipient{Name: owner.Name, Email: owner.Email}, mailData{Name: owner.Name, At: r.CreatedAt}}, nil
}

func (s *service) confirmationMail(ctx context.Context, tx *database.Tx, e event.Event, r Registration) (outgoing, error) {
	token, hash := s.deriveToken(registrationTemplate, e.ID)
	if err := insertConfirmation(ctx, tx, hash, r); err != nil {
		return outgoing{}, fmt.Errorf("store the token: %w", err)
	}
	return outgoing{registrationTemplate, recipient{Email: r.Email}, mailData{
		At: r.CreatedAt, Until: r.ExpiresAt, Token: token, Link: s.link("confirm-email", token),
	}}, nil
}
