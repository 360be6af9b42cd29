package user

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/manifest"
)

type setRoleInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Role auth.Role `json:"role" minLength:"1" maxLength:"32" doc:"customer, or a role of staff: GET /v1/roles lists them." example:"support"`
	}
}

// role handles PUT /v1/users/{id}/role. The caller must have the permission in the database, not
// only in the token, so that two owners who demote each other do not leave the shop without an
// owner.
//
// # Change the role of an account
//
// The account's access tokens are revoked in every service within 5 seconds; a refresh
// issues one with the new role. Callers cannot change their own role, and can neither give nor take
// away permissions that they lack. Only owners can appoint owners and change their role.
func (s *service) role(ctx context.Context, in *setRoleInput) (*userResponse, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	if in.ID == caller.UserID {
		return nil, api.NewProblem(http.StatusConflict, "own_role", "You cannot change your own role. Ask an owner of the shop to change it.")
	}
	var u User
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var granting rights
		var err error
		if granting, u, err = lockForGrant(ctx, tx, caller, in.ID); err != nil {
			return err
		}
		if err := checkGrant(ctx, tx, granting, u.Role, in.Body.Role); err != nil {
			return err
		}
		before := u
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
		if err := recordChange(ctx, tx, u.ID, before, u, u.UpdatedAt); err != nil {
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

// lockForGrant locks the accounts of the caller, who must still have the permission, and of the
// user to change, and returns the rights of the former and the latter. It locks the lower id
// first, so that two callers who change each other do not deadlock.
func lockForGrant(ctx context.Context, tx *database.Tx, caller auth.Principal, id uuid.UUID) (rights, User, error) {
	locked := map[uuid.UUID]User{}
	ids := []uuid.UUID{caller.UserID, id} // that of an API key is uuid.Nil, which no account has
	slices.SortFunc(ids, database.CompareIDs)
	for _, next := range ids {
		u, err := lockUser(ctx, tx, next)
		if errors.Is(err, database.ErrNotFound) {
			continue
		}
		if err != nil {
			return rights{}, User{}, err
		}
		locked[next] = u
	}
	granting, err := lockGranting(ctx, tx, caller, manifest.StaffWrite)
	if err != nil {
		return rights{}, User{}, err
	}
	u, found := locked[id]
	if !found {
		return rights{}, User{}, database.ErrNotFound
	}
	return granting, u, nil
}

// checkGrant returns a problem if a caller with the rights must not change the role of an account
// from one to another.
func checkGrant(ctx context.Context, tx *database.Tx, granting rights, from, to auth.Role) error {
	before, _, err := lockPermissions(ctx, tx, from)
	if err != nil {
		return err
	}
	after, found, err := lockPermissions(ctx, tx, to)
	switch {
	case err != nil:
		return err
	case !found && to != auth.Customer:
		return api.Invalid("body.role", api.FieldValue, "is not a role of the shop: GET /v1/roles lists them")
	case granting.Role != auth.Owner && (from == auth.Owner || to == auth.Owner):
		return api.NewProblem(http.StatusForbidden, api.CodeForbidden, "Only an owner of the shop can appoint owners and change their role.")
	}
	if err := checkGranted(granting, before|after); err != nil || from == to {
		return err
	}
	return checkHolders(ctx, tx, to)
}

// checkHolders returns a problem if as many accounts as possible have a role that the shop has
// defined.
func checkHolders(ctx context.Context, tx *database.Tx, role auth.Role) error {
	if _, builtIn := role.BuiltIn(); builtIn || role == auth.Customer {
		return nil
	}
	holders, err := selectHolders(ctx, tx, role, maxHolders)
	if err != nil {
		return fmt.Errorf("count the accounts with role %s: %w", role, err)
	}
	if len(holders) >= maxHolders {
		return api.NewProblem(http.StatusConflict, "too_many_holders", "%d accounts have the role %s, which is the most. Define another one: POST /v1/roles.", maxHolders, role)
	}
	return nil
}
