package user

import (
	"bytes"
	"context"
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

// role handles PUT /v1/users/{id}/role. The caller must be an admin in the database, not
// only in the token, so that two admins who demote each other do not leave the shop
// without an admin.
//
// # Change the role of an account
//
// The account's access tokens are revoked in every service within 5 seconds; a refresh
// issues one with the new role. Admins cannot change their own role.
func (s *service) role(ctx context.Context, in *setRoleInput) (*userResponse, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	if in.ID == caller.UserID {
		return nil, api.NewProblem(http.StatusConflict, "own_role", "You cannot change your own role. Ask another admin to change it.")
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
		// Update even if the role is equal: an invalid stored role is read as customer, and
		// is replaced here.
		if err := updateUser(ctx, tx, u); err != nil || !changed {
			return err
		}
		return s.revokeTokens(ctx, tx, u.ID)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("user", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("set role of user %s: %w", in.ID, err)
	}
	return newResponse(u), nil
}

// lockForAdmin locks the accounts of the caller, who must still be an admin, and of the
// user to change, and returns the latter. It locks the lower id first, so that two
// admins who change each other do not deadlock.
func lockForAdmin(ctx context.Context, tx *database.Tx, callerID, id uuid.UUID) (User, error) {
	locked := map[uuid.UUID]User{}
	ids := []uuid.UUID{callerID, id}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	for _, next := range ids {
		u, err := lockUser(ctx, tx, next)
		if errors.Is(err, database.ErrNotFound) {
			continue
		}
		if err != nil {
			return User{}, err
		}
		locked[next] = u
	}
	if locked[callerID].Role != auth.Admin {
		return User{}, api.NewProblem(http.StatusForbidden, api.CodeForbidden, "Your account is no longer an admin. Ask another admin to change the role.")
	}
	u, found := locked[id]
	if !found {
		return User{}, database.ErrNotFound
	}
	return u, nil
}
