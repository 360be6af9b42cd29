package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

// maxConfirmTries is how many passwords may be tried for one registration. Afterwards
// it cannot be confirmed; another registration of the address can.
const maxConfirmTries = 10

type verifyEmailInput struct {
	Body struct {
		Token    string `json:"token" format:"password" minLength:"1" maxLength:"128" doc:"The token of our mail." example:"3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
		Password string `json:"password" format:"password" minLength:"1" maxLength:"128" doc:"The password of the registration." example:"seven green bicycles"`
	}
}

// emailVerify handles POST /v1/email-verifications/confirm.
//
// # Confirm an e-mail address
//
// Creates the account. Requires the token that was mailed to the address, and the
// password of the address's latest registration.
func (s *service) emailVerify(ctx context.Context, in *verifyEmailInput) (*answer, error) {
	p, err := selectPendingRegistration(ctx, s.DB, hashSecret(in.Body.Token), s.Now())
	if errors.Is(err, sql.ErrNoRows) {
		return nil, invalidConfirmation()
	}
	if err != nil {
		return nil, fmt.Errorf("confirm a registration: %w", err)
	}
	right, err := s.checkRegistration(ctx, p, in.Body.Password)
	if err != nil {
		return nil, fmt.Errorf("confirm registration %s: %w", p.ID, err)
	}
	if !right {
		return nil, invalidConfirmation()
	}
	u, err := s.openAccount(ctx, p.ID)
	if errors.Is(err, sql.ErrNoRows) || database.IsDuplicate(err) {
		return nil, invalidConfirmation() // replaced, or confirmed, in the meantime
	}
	if err != nil {
		return nil, fmt.Errorf("confirm registration %s: %w", p.ID, err)
	}
	return show(u), nil
}

// checkRegistration reports whether a password is that of a registration, which has
// tries left.
func (s *service) checkRegistration(ctx context.Context, p pendingRegistration, password string) (bool, error) {
	turn, err := s.passwords.Turn()
	if err != nil {
		return false, err
	}
	defer turn.End()
	// Spent before the password is checked: of tries at once, no more get through.
	if left, err := spendTry(ctx, s.DB, p.ID, maxConfirmTries); err != nil || !left {
		return false, err
	}
	right, _, err := turn.Check(ctx, password, p.PasswordHash)
	if err != nil { // it was not checked
		return false, errors.Join(err, refundTry(context.WithoutCancel(ctx), s.DB, p.ID))
	}
	return right, nil
}

// openAccount creates the account of a registration whose password was checked.
func (s *service) openAccount(ctx context.Context, id uuid.UUID) (u User, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		r, hash, err := lockRegistration(ctx, tx, id)
		if err != nil {
			return err
		}
		now := s.Now()
		if !now.Before(r.ExpiresAt) {
			return sql.ErrNoRows
		}
		u = r.account(now)
		if err := insertUser(ctx, tx, u, hash); err != nil {
			return err
		}
		if err := deleteRegistrationsOf(ctx, tx, r.Email); err != nil {
			return err
		}
		return deleteConfirmationsOf(ctx, tx, r.Email)
	})
	return u, err
}

// invalidConfirmation is the response for every token and password that confirm
// nothing. It does not say which of them is wrong.
func invalidConfirmation() error {
	return api.NewProblem(http.StatusBadRequest, "invalid_token", "The token or the password is wrong, or the token has expired or was used. "+
		"Send the password of your latest registration. If you have confirmed it, sign in; else register again.")
}

// invalidToken is the response for every token of a mail that resets no password.
func invalidToken() error {
	return api.NewProblem(http.StatusBadRequest, "invalid_token", "The token is wrong, expired or used already. Request another mail.")
}
