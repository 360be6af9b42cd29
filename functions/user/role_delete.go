package user

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/manifest"
)

type deleteRoleInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
}

// roleDelete handles DELETE /v1/roles/{id}.
//
// # Delete a role of staff
//
// Deletes a role that the shop has defined. Accounts that have it need another role first.
func (s *service) roleDelete(ctx context.Context, in *deleteRoleInput) (*struct{}, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		granting, err := lockGranting(ctx, tx, caller, manifest.StaffWrite)
		if err != nil {
			return err
		}
		r, err := lockStaffRole(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		if err := in.Check(r.Version); err != nil {
			return err
		}
		if err := checkGranted(granting, r.set()); err != nil {
			return err
		}
		holders, err := selectHolders(ctx, tx, r.Name, maxHolders)
		if err != nil {
			return err
		}
		if len(holders) > 0 {
			return api.NewProblem(http.StatusConflict, "role_in_use",
				"%d accounts have the role %s, the first of them %s. Give them another role first: PUT /v1/users/{id}/role.", len(holders), r.Name, holders[0])
		}
		if err := deleteStaffRole(ctx, tx, r.ID); err != nil {
			return err
		}
		return recordRole(ctx, tx, r.ID, r, nil, s.Now())
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("role", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("delete role %s: %w", in.ID, err)
	}
	return nil, nil //nolint:nilnil // a 204 has no body
}
