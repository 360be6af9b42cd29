package user

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"souk/shared/api"
	"souk/shared/auth"
)

type roleListOutput struct {
	Body api.Page[StaffRole]
}

// roleList handles GET /v1/roles.
//
// # List the roles of staff
//
// By name, with their permissions: those that every shop has, and those that the shop has defined.
func (s *service) roleList(ctx context.Context, in *api.PageQuery) (*roleListOutput, error) {
	var after auth.Role
	if err := in.Cursor(&after); err != nil {
		return nil, err
	}
	roles, err := selectStaffRoles(ctx, s.DB, after, in.Limit())
	if err != nil {
		return nil, fmt.Errorf("list roles: %w", err)
	}
	for _, name := range auth.BuiltInRoles() {
		if permissions, _ := name.BuiltIn(); name > after {
			roles = append(roles, StaffRole{Name: name, BuiltIn: true, Permissions: permissions.List()})
		}
	}
	slices.SortFunc(roles, func(a, b StaffRole) int { return strings.Compare(string(a.Name), string(b.Name)) })
	page, err := api.NewPage(*in, roles, func(r StaffRole) any { return r.Name })
	if err != nil {
		return nil, fmt.Errorf("list roles: %w", err)
	}
	return &roleListOutput{Body: page}, nil
}
