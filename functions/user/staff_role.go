package user

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/manifest"
)

const (
	// maxStaffRoles is the maximum number of roles that a shop defines.
	maxStaffRoles = 100
	// maxHolders is the maximum number of accounts with a role that a shop defines: a change of the
	// role revokes their tokens in one transaction.
	maxHolders = 1000
)

// StaffRole is a role of staff: a named set of permissions.
type StaffRole struct {
	// ID is uuid.Nil for a role that every shop has.
	ID          uuid.UUID             `json:"id,omitzero" format:"uuid" doc:"Roles that every shop has, and that cannot change, have no id."`
	Name        auth.Role             `json:"name" example:"night-shift" trail:"value"`
	BuiltIn     bool                  `json:"builtIn" doc:"Whether every shop has this role, which cannot change." example:"false"`
	Permissions []manifest.Permission `json:"permissions" nullable:"false" example:"[\"orders.read\", \"orders.write\"]" trail:"value"`
	Version     int64                 `json:"version,omitzero" doc:"The number of the role's current version. It is also the ETag." example:"1"`
	CreatedAt   time.Time             `json:"createdAt,omitzero"`
	UpdatedAt   time.Time             `json:"updatedAt,omitzero"`
}

type staffRoleResponse = api.Resource[StaffRole]

func newStaffRoleResponse(r StaffRole) *staffRoleResponse {
	return &staffRoleResponse{ETag: api.ETag(r.Version), Body: r}
}

// set returns the permissions of the role.
func (r StaffRole) set() manifest.PermissionSet { return manifest.NewPermissionSet(r.Permissions...) }

// lockPermissions returns the permissions of a role and reports whether it is a role of staff. It
// locks those of a role that the shop has defined for reading, until the transaction ends.
func lockPermissions(ctx context.Context, tx *database.Tx, role auth.Role) (manifest.PermissionSet, bool, error) {
	if permissions, found := role.BuiltIn(); found || !role.IsStaff() {
		return permissions, found, nil
	}
	permissions, err := lockRolePermissions(ctx, tx, role)
	if errors.Is(err, database.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("lock the permissions of role %s: %w", role, err)
	}
	return permissions, true, nil
}

// checkPermissions returns the errors of permissions that do not exist or are repeated.
func checkPermissions(permissions []manifest.Permission) (errs []error) {
	seen := map[manifest.Permission]bool{}
	for i, p := range permissions {
		location := fmt.Sprintf("body.permissions[%d]", i)
		switch {
		case !p.Valid():
			errs = append(errs, api.FieldError{Location: location, Code: api.FieldValue, Message: "is not a permission: need one of " + manifest.AllPermissions().String()})
		case seen[p]:
			errs = append(errs, api.FieldError{Location: location, Code: api.FieldDuplicate, Message: "is repeated"})
		}
		seen[p] = true
	}
	return errs
}

// lockGranting returns the rights of the caller, who must still have a permission in the database,
// and locks them until the transaction ends: what the caller creates outlives the token. An API key is
// no account: its permissions are those of the request.
func lockGranting(ctx context.Context, tx *database.Tx, caller auth.Principal, needed manifest.Permission) (rights, error) {
	granting := rights{Role: auth.Key, Permissions: caller.Permissions}
	if caller.Role != auth.Key {
		u, err := lockUser(ctx, tx, caller.UserID)
		if err != nil && !errors.Is(err, database.ErrNotFound) {
			return rights{}, fmt.Errorf("lock user %s: %w", caller.UserID, err)
		}
		permissions, _, err := lockPermissions(ctx, tx, u.Role)
		if err != nil {
			return rights{}, err
		}
		granting = rights{Role: u.Role, Permissions: permissions}
	}
	if !granting.Permissions.Has(needed) {
		return rights{}, api.NewProblem(http.StatusForbidden, api.CodeForbidden,
			"The role of your account has changed and no longer has the permission %s. Ask an owner of the shop to change the role.", needed)
	}
	return granting, nil
}

// checkGranted returns a problem if a caller with the rights must not give or take away
// permissions, because it lacks some of them.
func checkGranted(granting rights, permissions manifest.PermissionSet) error {
	if missing := permissions.Without(granting.Permissions); missing != 0 {
		return api.NewProblem(http.StatusForbidden, api.CodeForbidden,
			"Your role lacks these permissions, so that you can neither give nor take them away: %s. Ask an owner of the shop.", missing)
	}
	return nil
}
