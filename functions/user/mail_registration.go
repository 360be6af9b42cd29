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

// registrationRequested is the event that somebody asked for an account. It holds
// no address and no token: those stay in the database.
type registrationRequested struct {
	RegistrationID uuid.UUID `json:"registrationId"`
}

// mailRegistration sends what confirms a registration to the address it is for. An
// address that has an account is told that instead. The token is made here, so that
// nothing but the mail ever holds it.
func (s *service) mailRegistration(ctx context.Context, tx *database.Tx, e event.Event, asked registrationRequested) error {
	r, err := lockRegistration(ctx, tx, asked.RegistrationID)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !s.Now().Before(r.ExpiresAt) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read registration %s: %w", asked.RegistrationID, err)
	}
	allowed, err := s.takeMail(ctx, tx, "registration", r.Email)
	if err != nil {
		return fmt.Errorf("mail registration %s: %w", r.ID, err)
	}
	c, err := selectCredentials(ctx, tx, emailKey(r.Email))
	taken := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("mail registration %s: %w", r.ID, err)
	}
	if taken || !allowed { // it can never be confirmed
		if err := deleteRegistration(ctx, tx, r.ID); err != nil {
			return fmt.Errorf("drop registration %s: %w", r.ID, err)
		}
	}
	switch {
	case !allowed:
		return nil
	case taken:
		owner, err := selectUser(ctx, tx, c.UserID)
		if err != nil {
			return fmt.Errorf("mail registration %s: %w", r.ID, err)
		}
		return s.mail(ctx, e, accountExistsMail, recipient{Name: owner.Name, Email: owner.Email}, mailData{Name: owner.Name, At: r.CreatedAt})
	}
	token, hash := newSecret()
	if err := updateRegistrationToken(ctx, tx, r.ID, hash); err != nil {
		return fmt.Errorf("mail registration %s: %w", r.ID, err)
	}
	return s.mail(ctx, e, registrationMail, recipient{Email: r.Email}, mailData{
		Name: r.shownName(), At: r.CreatedAt, Until: r.ExpiresAt, Token: token, Link: s.link("confirm-email", token),
	})
}
