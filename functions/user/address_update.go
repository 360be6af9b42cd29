package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/database"
)

type updateAddressInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
	Body address.Patch
}

// addressUpdate handles PATCH /v1/users/me/addresses/{id}.
//
// # Update an address
//
// Changes the fields that are sent. null or an empty string clears an optional field.
func (s *service) addressUpdate(ctx context.Context, in *updateAddressInput) (*addressResponse, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	var a Address
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		if a, err = lockAddress(ctx, tx, caller.UserID, in.ID); err != nil {
			return err
		}
		if err := in.Check(a.Version); err != nil {
			return err
		}
		before := a
		if in.Body.Apply(&a.PostalAddress); a == before {
			return nil
		}
		a.Version++
		a.UpdatedAt = s.Now()
		if err := updateAddressRow(ctx, tx, a); err != nil {
			return err
		}
		return recordAddress(ctx, tx, caller.UserID, before, a, a.UpdatedAt)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, s.accountDeletedOr(ctx, caller.UserID, api.NotFound("address", in.ID))
	}
	if err != nil {
		return nil, fmt.Errorf("update address %s: %w", in.ID, err)
	}
	return newAddressResponse(a), nil
}
