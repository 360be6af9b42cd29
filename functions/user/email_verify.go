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
	"souk/shared/trail"
)

// maxConfirmAttempts is the maximum number of passwords that are checked for one
// registration. After that it cannot be confirmed; a new registration of the address can.
const maxConfirmAttempts = 10

// emailConfirmed is the payload of email-confirmed, which is published when a new account has
// proven that it can read the mails to its address.
type emailConfirmed struct {
	UserID uuid.UUID `json:"userId"`
	// EmailID is emailaddress.ID of the address.
	EmailID uuid.UUID `json:"emailId"`
}

type verifyEmailInput struct {
	Body struct {
		Token    string `json:"token" format:"password" minLength:"1" maxLength:"128" doc:"The token from the confirmation mail." example:"3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
		Password string `json:"password" format:"password" minLength:"1" maxLength:"128" doc:"The password of the address's latest registration." example:"seven green bicycles"`
	}
}

// emailVerify handles POST /v1/email-verifications/confirm.
//
// # Confirm an e-mail address
//
// Creates the account. Requires the token that was mailed to the address, and the
// password of the address's latest registration. Orders that were placed with the address
// before, without an account, become the account's.
func (s *service) emailVerify(ctx context.Context, in *verifyEmailInput) (*userResponse, error) {
	p, err := selectPendingRegistration(ctx, s.DB, hashSecret(in.Body.Token), s.Now())
	if errors.Is(err, database.ErrNotFound) {
		return nil, invalidConfirmation()
	}
	if err != nil {
		return nil, fmt.Errorf("confirm a registration: %w", err)
	}
	correct, err := s.checkRegistration(ctx, p, in.Body.Password)
	if err != nil {
		return nil, fmt.Errorf("confirm registration %s: %w", p.ID, err)
	}
	if !correct {
		return nil, invalidConfirmation()
	}
	u, err := s.openAccount(ctx, p.ID)
	if errors.Is(err, database.ErrNotFound) || database.IsDuplicate(err) {
		return nil, invalidConfirmation() // replaced, or confirmed, in the meantime
	}
	if err != nil {
		return nil, fmt.Errorf("confirm registration %s: %w", p.ID, err)
	}
	return newResponse(u), nil
}

// checkRegistration reports whether a password is correct for a registration. It is not
// checked when the registration has no attempts left.
func (s *service) checkRegistration(ctx context.Context, p pendingRegistration, password string) (bool, error) {
	turn, err := s.passwords.Turn()
	if err != nil {
		return false, err
	}
	defer turn.End()
	// Spent before the password is checked, so that concurrent attempts do not exceed the
	// limit.
	if spent, err := spendConfirmation(ctx, s.DB, p.ID, maxConfirmAttempts); err != nil || !spent {
		return false, err
	}
	correct, _, err := turn.Check(ctx, password, p.PasswordHash)
	if err != nil { // the password was not checked
		return false, errors.Join(err, refundConfirmation(context.WithoutCancel(ctx), s.DB, p.ID))
	}
	return correct, nil
}

// openAccount creates the account of a registration whose password was checked.
func (s *service) openAccount(ctx context.Context, id uuid.UUID) (u User, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		r, hash, err := lockRegistrationWithHash(ctx, tx, id)
		if err != nil {
			return err
		}
		now := s.Now()
		if !now.Before(r.ExpiresAt) {
			return database.ErrNotFound
		}
		u = r.account(now)
		if err := insertUser(ctx, tx, u, hash); err != nil {
			return err
		}
		if err := deleteRegistrations(ctx, tx, r.Email); err != nil {
			return err
		}
		if err := deleteConfirmations(ctx, tx, r.Email); err != nil {
			return err
		}
		if err := recordChange(trail.ByAccount(ctx, u.ID, u.Role), tx, u.ID, nil, u, now); err != nil {
			return err
		}
		return topicEmailConfirmed.Add(ctx, tx, s.Outbox, u.ID, emailConfirmed{UserID: u.ID, EmailID: emailaddress.ID(u.Email)})
	})
	return u, err
}

// invalidConfirmation returns the problem of a token and password that confirm no
// registration. It does not reveal which of them is wrong.
func invalidConfirmation() error {
	return api.NewProblem(http.StatusBadRequest, "invalid_token", "The token or the password is wrong, or the token has expired or was used already. "+
		"Send the password of your latest registration. If the address is confirmed already, sign in; otherwise register again.")
}

// invalidToken returns the problem of a token that resets no password.
func invalidToken() error {
	return api.NewProblem(http.StatusBadRequest, "invalid_token", "The token is wrong, has expired or was used already. Request a new one: POST /v1/password-resets.")
}
