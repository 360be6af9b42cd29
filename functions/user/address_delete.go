package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type deleteAddressInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
}

// addressDelete handles DELETE /v1/users/me/addresses/{id}.
//
// # Delete an address
//
// Orders store copies of their addresses and do not change.
func (s *service) addressDelete(ctx context.Context, in *deleteAddressInput) (*struct{}, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		a, err := lockAddress(ctx, tx, caller.UserID, in.ID)
		if err != nil {
			return err
		}
		if err := in.Check(a.Version); err != nil {
			return err
		}
		if err := deleteAddressRow(ctx, tx, a.ID); err != nil {
			return err
		}
		return recordAddress(ctx, tx, caller.UserID, a, Address{}, s.Now())
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, s.accountDeletedOr(ctx, caller.UserID, api.NotFound("address", in.ID))
	}
	if err != nil {
		return nil, fmt.Errorf("delete address %s: %w", in.ID, err)
	}
	return nil, nil //nolint:nilnil // a 204 has no body
}
