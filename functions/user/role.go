package user

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
)

type setRoleInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Role auth.Role `json:"role" enum:"customer,admin"`
	}
}

// role handles PUT /v1/users/{id}/role. The caller must be an admin at that moment,
// whatever the token contains: so the last admin cannot lose the role.
//
// # Change the role of an account
//
// The account's access tokens are revoked in every service within 5 seconds; a refresh
// issues one with the new role. Admins cannot change their own role.
func (s *service) role(ctx context.Context, in *setRoleInput) (*answer, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	if in.ID == caller.UserID {
		return nil, api.NewProblem(http.StatusConflict, "own_role", "You cannot change your own role. Another admin can.")
	}
	var u User
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		if u, err = lockForAdmin(ctx, tx, caller.UserID, in.ID); err != nil {
			return err
		}
		changed := u.Role != in.Body.Role
		if changed {
			u.Role = in.Body.Role
			u.Version++
			u.UpdatedAt = s.Now()
		}
		// Also when it is equal: a stored value that is not a role reads as customer,
		// and is replaced here.
		if err := updateUser(ctx, tx, u); err != nil || !changed {
			return err
		}
		return s.revokeTokens(ctx, tx, u.ID)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, api.NotFound("user", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("set the role of user %s: %w", in.ID, err)
	}
	return show(u), nil
}

// lockForAdmin locks a caller, who must be an admin still, and the account that
// the caller is about to change, and returns the account. The lower id is locked
// first, so that admins who change one another wait instead of deadlocking.
func lockForAdmin(ctx context.Context, tx *database.Tx, callerID, id uuid.UUID) (User, error) {
	locked := map[uuid.UUID]User{}
	ids := []uuid.UUID{callerID, id}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	for _, next := range ids {
		u, err := lockUser(ctx, tx, next)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return User{}, err
		}
		locked[next] = u
	}
	if locked[callerID].Role != auth.Admin {
		return User{}, api.NewProblem(http.StatusForbidden, api.CodeForbidden, "Your account may not do this any more.")
	}
	u, found := locked[id]
	if !found {
		return User{}, sql.ErrNoRows
	}
	return u, nil
}
