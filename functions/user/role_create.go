package user

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/manifest"
)

type createRoleInput struct {
	Body struct {
		Name        auth.Role             `json:"name" minLength:"1" maxLength:"32" doc:"Lower-case letters, digits and single hyphens. It cannot change." example:"night-shift"`
		Permissions []manifest.Permission `json:"permissions" maxItems:"64" maxLength:"64" doc:"The permissions, as operations and errors name them." example:"[\"orders.read\", \"orders.write\"]"`
	}
}

// Resolve implements huma.Resolver.
func (in *createRoleInput) Resolve(huma.Context) []error {
	errs := checkPermissions(in.Body.Permissions)
	if !in.Body.Name.IsStaff() {
		errs = append(errs, api.FieldError{
			Location: "body.name", Code: api.FieldFormat,
			Message: "must be of lower-case letters, digits and single hyphens, begin with a letter, and not be customer, guest, key or admin",
		})
	}
	return errs
}

// roleCreate handles POST /v1/roles.
//
// # Create a role of staff
//
// Defines a named set of permissions, which accounts get by its name. Callers cannot give
// permissions that they lack. A shop has at most 100 roles of its own.
func (s *service) roleCreate(ctx context.Context, tx *database.Tx, in *createRoleInput) (*staffRoleResponse, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	granting, err := lockGranting(ctx, tx, caller, manifest.StaffWrite)
	if err != nil {
		return nil, err
	}
	if err := checkGranted(granting, manifest.NewPermissionSet(in.Body.Permissions...)); err != nil {
		return nil, err
	}
	if _, found := in.Body.Name.BuiltIn(); found {
		return nil, roleExists(in.Body.Name)
	}
	roles, err := selectStaffRoles(ctx, tx, "", maxStaffRoles)
	if err != nil {
		return nil, fmt.Errorf("count roles: %w", err)
	}
	if len(roles) >= maxStaffRoles {
		return nil, api.NewProblem(http.StatusConflict, "too_many_roles", "The shop has %d roles of its own. Delete one that no account has: GET /v1/roles lists them.", len(roles))
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create a role id: %w", err)
	}
	now := s.Now()
	r := StaffRole{ID: id, Name: in.Body.Name, Permissions: in.Body.Permissions, Version: 1, CreatedAt: now, UpdatedAt: now}
	r.Permissions = r.set().List()
	if err := insertStaffRole(ctx, tx, r); database.IsDuplicate(err) {
		return nil, roleExists(r.Name)
	} else if err != nil {
		return nil, fmt.Errorf("create role %s: %w", r.Name, err)
	}
	if err := recordRole(ctx, tx, r.ID, nil, r, now); err != nil {
		return nil, err
	}
	response := newStaffRoleResponse(r)
	response.Location = "/v1/roles/" + r.ID.String()
	return response, nil
}

func roleExists(name auth.Role) error {
	return api.NewProblem(http.StatusConflict, "role_exists", "The shop has a role %s. Choose another name, or change that role.", name)
}
