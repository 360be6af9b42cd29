package user

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
)

type listAddressesOutput struct {
	Body api.Page[Address]
}

// addressList handles GET /v1/users/me/addresses.
//
// # List addresses
//
// The caller's addresses, newest first.
func (s *service) addressList(ctx context.Context, in *api.PageQuery) (*listAddressesOutput, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	before := uuid.Max
	if err := in.Cursor(&before); err != nil {
		return nil, err
	}
	addresses, err := selectAddresses(ctx, s.DB, caller.UserID, before, in.Limit())
	if err != nil {
		return nil, fmt.Errorf("list addresses of user %s: %w", caller.UserID, err)
	}
	if len(addresses) == 0 {
		if err := s.accountDeletedOr(ctx, caller.UserID, nil); err != nil {
			return nil, err
		}
	}
	page, err := api.NewPage(*in, addresses, func(a Address) any { return a.ID })
	if err != nil {
		return nil, fmt.Errorf("list addresses of user %s: %w", caller.UserID, err)
	}
	return &listAddressesOutput{Body: page}, nil
}
