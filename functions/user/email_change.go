package user

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

const (
	// emailChangeTTL is how long a change of an e-mail address can be confirmed.
	emailChangeTTL = 24 * time.Hour
	// emailRevertTTL is how long a confirmed change can be reverted.
	emailRevertTTL = 7 * 24 * time.Hour
)

// emailChange is a change of the e-mail address of an account.
type emailChange struct {
	ID       uuid.UUID
	UserID   uuid.UUID
	OldEmail string
	NewEmail string
	// CreatedAt is the time of the request.
	CreatedAt time.Time
	// ConfirmedAt is zero until the change is confirmed.
	ConfirmedAt time.Time
	ExpiresAt   time.Time
}

// emailChangeRequested is the payload of email-change-requested. It contains neither address.
type emailChangeRequested struct {
	ChangeID uuid.UUID `json:"changeId"`
}

type changeEmailInput struct {
	Body struct {
		Email string `json:"email" minLength:"1" maxLength:"254" doc:"The new e-mail address." example:"ada.king@example.com"`
	}
}

// Resolve implements huma.Resolver. It checks rules that the schema cannot express.
func (in *changeEmailInput) Resolve(huma.Context) []error {
	if message := validateEmail(in.Body.Email); in.Body.Email != "" && message != "" {
		return []error{api.FieldError{Location: "body.email", Code: api.FieldFormat, Message: message}}
	}
	return nil
}

// emailChange handles POST /v1/users/me/email-changes. It does not read whether another
// account has the address, so that its response cannot reveal that: the mail does.
//
// # Change the caller's e-mail address
//
// Sends a mail with a token to the new address, by which the change is confirmed (POST
// /v1/users/me/email-changes/confirm) within 24 hours. Until then nothing changes. The
// response is the same for an address that has an account: its owner gets a notice instead.
// A newer request replaces this one. Requires a sign-in within the last minutes (POST
// /v1/sessions): a refreshed token is not enough.
func (s *service) emailChange(ctx context.Context, tx *database.Tx, in *changeEmailInput) (*struct{}, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	u, err := lockUser(ctx, tx, caller.UserID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, accountDeleted()
	}
	if err != nil {
		return nil, fmt.Errorf("lock user %s: %w", caller.UserID, err)
	}
	if err := s.checkRecentLogin(ctx, tx, caller); err != nil {
		return nil, err
	}
	now := s.Now()
	rejection, err := spendFrom(ctx, tx, bucket{hashParts("email change", u.ID.String()), s.login.settings.emailChanges()}, now)
	if err := cmp.Or(err, rejection); err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create the id of an e-mail change: %w", err)
	}
	c := emailChange{ID: id, UserID: u.ID, OldEmail: u.Email, NewEmail: in.Body.Email, CreatedAt: now, ExpiresAt: now.Add(emailChangeTTL)}
	if err := deleteUnconfirmedEmailChanges(ctx, tx, u.ID); err != nil {
		return nil, fmt.Errorf("replace the e-mail changes of user %s: %w", u.ID, err)
	}
	if err := insertEmailChange(ctx, tx, c); err != nil {
		return nil, fmt.Errorf("request an e-mail change of user %s: %w", u.ID, err)
	}
	if err := topicEmailChangeRequested.Add(ctx, tx, s.Outbox, c.ID, emailChangeRequested{ChangeID: c.ID}); err != nil {
		return nil, err
	}
	return nil, nil //nolint:nilnil // the 202 has no body
}
