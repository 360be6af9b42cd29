package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/database"
)

type createAddressInput struct{ Body address.PostalAddress }

// addressCreate handles POST /v1/users/me/addresses.
//
// # Create an address
//
// Adds an address to the caller's address book.
func (s *service) addressCreate(ctx context.Context, tx *database.Tx, in *createAddressInput) (*addressResponse, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create an address id: %w", err)
	}
	now := s.Now()
	a := Address{ID: id, PostalAddress: in.Body, Version: 1, CreatedAt: now, UpdatedAt: now}
	if _, err := lockUser(ctx, tx, caller.UserID); errors.Is(err, database.ErrNotFound) {
		return nil, accountDeleted()
	} else if err != nil {
		return nil, fmt.Errorf("lock user %s: %w", caller.UserID, err)
	}
	count, err := countAddresses(ctx, tx, caller.UserID)
	if err != nil {
		return nil, fmt.Errorf("count addresses of user %s: %w", caller.UserID, err)
	}
	if count >= maxAddresses {
		return nil, tooManyAddresses()
	}
	if err := insertAddress(ctx, tx, caller.UserID, a); err != nil {
		return nil, fmt.Errorf("create an address of user %s: %w", caller.UserID, err)
	}
	if err := recordAddress(ctx, tx, caller.UserID, Address{}, a, now); err != nil {
		return nil, err
	}
	response := newAddressResponse(a)
	response.Location = "/v1/users/me/addresses/" + a.ID.String()
	return response, nil
}
