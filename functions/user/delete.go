package user

import (
	"context"
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
	"souk/shared/trail"
)

// maxLoginAge is the maximum age of the login that deletes an account or changes how it is
// signed in to.
const maxLoginAge = 5 * time.Minute

type deleteAccountInput struct {
	api.IfMatch
}

// Deleted is the payload of user-deleted. Services that store personal data of the
// account erase it.
type Deleted struct {
	UserID uuid.UUID `json:"userId"`
}

// delete handles DELETE /v1/users/me.
//
// The deletion cannot be undone, so a stolen access token must not be enough: the caller
// must have signed in within maxLoginAge. The login checks the password, and it is the
// only place where failed attempts are counted. A password in this request would be a
// second place, in the body of a DELETE, which RFC 9110, section 9.3.5, advises against.
// A refresh is not a login, because it does not check the password.
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
		if u.Role == auth.Owner {
			return ownerAccount()
		}
		if err := s.checkRecentLogin(ctx, tx, caller); err != nil {
			return err
		}
		return s.erase(ctx, tx, u)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, accountDeleted()
	}
	if err != nil {
		return nil, fmt.Errorf("delete user %s: %w", caller.UserID, err)
	}
	// After a backup is restored, these accounts must be deleted again (docs/operations.md).
	slog.InfoContext(ctx, "account deleted", "user", caller.UserID)
	return nil, nil //nolint:nilnil // a 204 has no body
}

// checkRecentLogin returns a problem if the caller's login is older than maxLoginAge or
// has ended.
func (s *service) checkRecentLogin(ctx context.Context, tx *database.Tx, caller auth.Principal) error {
	at, err := selectLogin(ctx, tx, caller.UserID, caller.SessionID)
	if errors.Is(err, database.ErrNotFound) {
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

// erase deletes all data of a user. Sessions, addresses, notes and tags are deleted with the account's
// row, by their foreign keys.
func (s *service) erase(ctx context.Context, tx *database.Tx, u User) error {
	if err := idempotency.DeleteKeys(ctx, tx, u.ID); err != nil {
		return err
	}
	if err := deleteRegistrations(ctx, tx, u.Email); err != nil {
		return err
	}
	if err := deleteConfirmations(ctx, tx, u.Email); err != nil {
		return err
	}
	if err := deletePasswordResets(ctx, tx, u.Email); err != nil {
		return err
	}
	if err := dropKeyCreator(ctx, tx, u.ID); err != nil {
		return err
	}
	if err := notes.EraseAuthor(ctx, tx, u.ID); err != nil {
		return err
	}
	if err := s.revokeTokens(ctx, tx, u.ID); err != nil {
		return err
	}
	if err := deleteUser(ctx, tx, u.ID); err != nil {
		return err
	}
	if err := recordChange(ctx, tx, u.ID, u, nil, s.Now()); err != nil {
		return err
	}
	if err := trail.Erase(ctx, tx, u.ID); err != nil {
		return err
	}
	return topicUserDeleted.Add(ctx, tx, s.Outbox, u.ID, Deleted{UserID: u.ID})
}

// ownerAccount returns the problem of an owner who deletes the account. Owners can neither
// delete their accounts nor change their own role, so that the shop always has an owner
// (see role).
func ownerAccount() error {
	return api.NewProblem(http.StatusConflict, "owner_account",
		"The account of an owner of the shop cannot be deleted. First have another owner change its role to customer: PUT /v1/users/{id}/role.")
}

// loginTooOld returns the problem that requires a more recent login (RFC 9470, section 3).
func loginTooOld() error {
	return api.NewProblem(http.StatusUnauthorized, "recent_login_required",
		"This requires a login within the last %d minutes. Sign in again (POST /v1/sessions) and send the new accessToken.", int(maxLoginAge.Minutes())).
		WithHeader("WWW-Authenticate", `Bearer error="insufficient_user_authentication", max_age="`+strconv.Itoa(int(maxLoginAge.Seconds()))+`"`)
}
