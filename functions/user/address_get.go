package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type getAddressInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// addressGet handles GET /v1/users/me/addresses/{id}.
//
// # Get an address
func (s *service) addressGet(ctx context.Context, in *getAddressInput) (*addressResponse, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	a, err := selectAddress(ctx, s.DB, caller.UserID, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, s.accountDeletedOr(ctx, caller.UserID, api.NotFound("address", in.ID))
	}
	if err != nil {
		return nil, fmt.Errorf("get address %s: %w", in.ID, err)
	}
	return newAddressResponse(a), nil
}
