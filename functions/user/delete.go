package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/idempotency"
)

// maxLoginAge is how long ago somebody who deletes an account must have signed in.
const maxLoginAge = 5 * time.Minute

type deleteAccountInput struct {
	api.IfMatch
}

// Deleted is the event that an account was deleted. Who holds anything of its
// person takes the person out of it.
type Deleted struct {
	UserID uuid.UUID `json:"userId"`
}

// delete handles DELETE /v1/users/me.
//
// It cannot be undone, so a stolen access token must not be enough for it: the caller
// must have signed in within the last minutes. Signing in checks the password in the
// one place where guesses are counted; a password in this request would be a second
// such place, in the body of a DELETE, which RFC 9110, section 9.3.5, advises against.
// A refresh is no sign-in: it does not check the password.
//
// # Delete the caller's account
//
// Erases all personal data of the account in every service. It cannot be undone.
// Requires a sign-in within the last minutes (POST /v1/sessions): a refreshed token is
// not enough.
func (s *service) delete(ctx context.Context, in *deleteAccountInput) (*struct{}, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		u, err := lockUser(ctx, tx, caller.UserID)
		if err != nil {
			return err
		}
		if err := in.Check(u.Version); err != nil {
			return err
		}
		if u.Role == auth.Admin {
			return adminAccount()
		}
		if err := s.checkLogin(ctx, tx, caller); err != nil {
			return err
		}
		return s.erase(ctx, tx, u)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, accountGone()
	}
	if err != nil {
		return nil, fmt.Errorf("delete user %s: %w", caller.UserID, err)
	}
	// Who restores a backup must know whom to delete again.
	slog.InfoContext(ctx, "an account was deleted", "user", caller.UserID)
	return nil, nil //nolint:nilnil // huma's way to answer 204
}

// checkLogin refuses a caller whose login is not of the last minutes, or has ended.
func (s *service) checkLogin(ctx context.Context, tx *database.Tx, caller auth.Principal) error {
	at, err := selectLogin(ctx, tx, caller.UserID, caller.SessionID)
	if errors.Is(err, sql.ErrNoRows) {
		return loginTooOld()
	}
	if err != nil {
		return fmt.Errorf("read the login: %w", err)
	}
	if s.Now().Sub(at) > maxLoginAge {
		return loginTooOld()
	}
	return nil
}

// erase deletes what this service holds on a user. Sessions and addresses go with
// the account's row.
func (s *service) erase(ctx context.Context, tx *database.Tx, u User) error {
	if err := idempotency.Forget(ctx, tx, u.ID); err != nil {
		return err
	}
	if err := deleteRegistrationsOf(ctx, tx, u.Email); err != nil {
		return err
	}
	if err := deleteConfirmationsOf(ctx, tx, u.Email); err != nil {
		return err
	}
	if err := deletePasswordResetsOf(ctx, tx, u.Email); err != nil {
		return err
	}
	if err := s.revokeTokens(ctx, tx, u.ID); err != nil {
		return err
	}
	if err := deleteUser(ctx, tx, u.ID); err != nil {
		return err
	}
	return topicUserDeleted.Add(ctx, tx, s.Outbox, u.ID, Deleted{UserID: u.ID})
}

// adminAccount keeps the shop from running out of admins: nobody changes their own
// role, so as long as no admin leaves either, there is always one (see role).
func adminAccount() error {
	return api.NewProblem(http.StatusConflict, "admin_account",
		"An admin's account cannot be deleted. Have another admin make it a customer's first: PUT /v1/users/{id}/role.")
}

// loginTooOld asks for a newer login, as RFC 9470, section 3, does.
func loginTooOld() error {
	return api.NewProblem(http.StatusUnauthorized, "recent_login_required",
		"To delete an account takes a login of the last %d minutes. Sign in again, and use the new accessToken: POST /v1/sessions.", int(maxLoginAge.Minutes())).
		WithHeader("WWW-Authenticate", `Bearer error="insufficient_user_authentication", max_age="`+strconv.Itoa(int(maxLoginAge.Seconds()))+`"`)
}
