package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/manifest"
)

type updateRoleInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
	Body struct {
		Permissions *[]manifest.Permission `json:"permissions,omitempty" maxItems:"64" maxLength:"64" doc:"The permissions, which replace those that the role has." example:"[\"orders.read\", \"orders.write\"]"`
	}
}

// Resolve implements huma.Resolver.
func (in *updateRoleInput) Resolve(huma.Context) []error {
	if in.Body.Permissions == nil {
		return nil
	}
	return checkPermissions(*in.Body.Permissions)
}

// roleUpdate handles PATCH /v1/roles/{id}.
//
// # Update a role of staff
//
// Replaces the permissions of a role that the shop has defined. The access tokens of the accounts
// with the role are revoked in every service within 5 seconds; a refresh issues one with the new
// permissions. Callers can neither give nor take away permissions that they lack.
func (s *service) roleUpdate(ctx context.Context, in *updateRoleInput) (*staffRoleResponse, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	var r StaffRole
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		granting, err := lockGranting(ctx, tx, caller, manifest.StaffWrite)
		if err != nil {
			return err
		}
		if r, err = lockStaffRole(ctx, tx, in.ID); err != nil {
			return err
		}
		if err := in.Check(r.Version); err != nil {
			return err
		}
		before := r.set()
		if in.Body.Permissions == nil || manifest.NewPermissionSet(*in.Body.Permissions...) == before {
			return nil
		}
		former := r
		r.Permissions = manifest.NewPermissionSet(*in.Body.Permissions...).List()
		if err := checkGranted(granting, r.set()^before); err != nil {
			return err
		}
		r.Version++
		r.UpdatedAt = s.Now()
		if err := updateStaffRole(ctx, tx, r); err != nil {
			return err
		}
		if err := recordRole(ctx, tx, r.ID, former, r, r.UpdatedAt); err != nil {
			return err
		}
		return s.revokeHolders(ctx, tx, r.Name)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("role", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("update role %s: %w", in.ID, err)
	}
	return newStaffRoleResponse(r), nil
}

// revokeHolders revokes the access tokens of all accounts with a role that is locked.
func (s *service) revokeHolders(ctx context.Context, tx *database.Tx, role auth.Role) error {
	holders, err := selectHolders(ctx, tx, role, maxHolders)
	if err != nil {
		return fmt.Errorf("read the accounts with role %s: %w", role, err)
	}
	for _, id := range holders {
		if err := s.revokeTokens(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}
