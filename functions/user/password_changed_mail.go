package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

// passwordChanged is the payload of password-changed.
type passwordChanged struct {
	UserID uuid.UUID `json:"userId"`
}

// passwordChangedMail notifies the owner of an account that its password was changed.
func (s *service) passwordChangedMail(ctx context.Context, e event.Event, changed passwordChanged) error {
	return s.deliver(ctx, "password-changed-mail", e, func(ctx context.Context, tx *database.Tx, _ bool) (outgoingMail, error) {
		owner, err := selectUser(ctx, tx, changed.UserID)
		if errors.Is(err, database.ErrNotFound) { // the account was deleted
			return outgoingMail{}, nil
		}
		if err != nil {
			return outgoingMail{}, fmt.Errorf("read user %s: %w", changed.UserID, err)
		}
		return outgoingMail{passwordChangedTemplate, recipient{Name: owner.Name, Email: owner.Email}, mailData{Name: owner.Name, At: e.Time}}, nil
	})
}
