package user

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/emailaddress"
)

// emailChanged is the payload of email-changed, which is published when a change of an e-mail
// address is confirmed. It contains neither address.
type emailChanged struct {
	UserID   uuid.UUID `json:"userId"`
	ChangeID uuid.UUID `json:"changeId"`
}

type confirmEmailInput struct {
	Body struct {
		Token string `json:"token" format:"password" minLength:"1" maxLength:"128" doc:"The token from the mail to the new address." example:"3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
	}
}

// emailConfirm handles POST /v1/users/me/email-changes/confirm. It requires an access token of
// the account: otherwise the owner of a mailbox who follows the link in an unexpected mail would
// give the mailbox, and the orders that were placed with its address, to the account of
// another (docs/adr/0064).
//
// # Confirm a new e-mail address
//
// Requires the token that was mailed to the new address, and an access token of the account
// that requested the change. The new address is the login name from now on; sessions go on.
// Orders that were placed with the new address before, without an account, become the
// account's. The old address gets a notice with a token that reverts the change within 7 days
// (POST /v1/email-changes/revert).
func (s *service) emailConfirm(ctx context.Context, tx *database.Tx, in *confirmEmailInput) (*userResponse, error) {
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
	if err := checkLogin(ctx, tx, caller); err != nil {
		return nil, err
	}
	c, err := lockEmailChangeByToken(ctx, tx, u.ID, hashSecret(in.Body.Token))
	if errors.Is(err, database.ErrNotFound) || err == nil && !s.Now().Before(c.ExpiresAt) {
		return nil, invalidEmailToken()
	}
	if err != nil {
		return nil, fmt.Errorf("read the e-mail change of user %s: %w", u.ID, err)
	}
	if u, err = s.setEmail(ctx, tx, u, c); database.IsDuplicate(err) {
		return nil, invalidEmailToken() // the address got an account in the meantime
	}
	if err != nil {
		return nil, fmt.Errorf("confirm e-mail change %s: %w", c.ID, err)
	}
	return newResponse(u), nil
}

// setEmail sets the new address of a locked account, and publishes that it is confirmed.
func (s *service) setEmail(ctx context.Context, tx *database.Tx, u User, c emailChange) (User, error) {
	now := s.Now()
	before, old := u, u.Email
	u.Email, u.UpdatedAt = c.NewEmail, now
	u.Version++
	if err := updateEmail(ctx, tx, u); err != nil {
		return User{}, err
	}
	if err := recordChange(ctx, tx, u.ID, before, u, now); err != nil {
		return User{}, err
	}
	if err := updateEmailChangeConfirmed(ctx, tx, c.ID, old, now, now.Add(emailRevertTTL)); err != nil {
		return User{}, err
	}
	if err := deletePasswordResets(ctx, tx, emailKey(old)); err != nil {
		return User{}, err
	}
	if err := deleteRegistrations(ctx, tx, u.Email); err != nil {
		return User{}, err
	}
	if err := deleteConfirmations(ctx, tx, u.Email); err != nil {
		return User{}, err
	}
	if err := topicEmailConfirmed.Add(ctx, tx, s.Outbox, u.ID, emailConfirmed{UserID: u.ID, EmailID: emailaddress.ID(u.Email)}); err != nil {
		return User{}, err
	}
	return u, topicEmailChanged.Add(ctx, tx, s.Outbox, u.ID, emailChanged{UserID: u.ID, ChangeID: c.ID})
}

// invalidEmailToken returns the problem of a token that confirms no change of the caller's
// e-mail address. It does not reveal whether the address has an account.
func invalidEmailToken() error {
	return api.NewProblem(http.StatusBadRequest, "invalid_token", "The token is wrong, has expired or was used already, or is of another account. "+
		"Sign in with the account that requested the change, or request a new one: POST /v1/users/me/email-changes.")
}
