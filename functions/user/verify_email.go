package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"

	"souk/shared/api"
	"souk/shared/database"
)

type verifyEmailInput struct {
	Body struct {
		Token string `json:"token" format:"password" minLength:"1" maxLength:"128" doc:"The token of our mail." example:"3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
	}
}

// verifyEmail opens the account of a registration: who has the token reads the
// address's mail.
func (s *service) verifyEmail(ctx context.Context, in *verifyEmailInput) (*answer, error) {
	var u User
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		r, hash, err := lockRegistrationByToken(ctx, tx, hashSecret(in.Body.Token))
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
		// The address is settled: whoever else asked for it can confirm nothing more.
		return deleteRegistrationsOf(ctx, tx, r.Email)
	})
	if errors.Is(err, sql.ErrNoRows) || database.IsDuplicate(err) {
		return nil, invalidToken()
	}
	if err != nil {
		return nil, fmt.Errorf("confirm a registration: %w", err)
	}
	return show(u), nil
}

// invalidToken is the answer for every token of a mail that opens nothing: what is
// wrong with it is of use only to who has it from elsewhere.
func invalidToken() error {
	return api.NewProblem(http.StatusBadRequest, "invalid_token", "The token is wrong, expired or used already. If you used it yourself, sign in; else ask for another mail.")
}
