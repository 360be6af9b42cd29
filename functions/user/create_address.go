package user

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/database"
)

type createAddressInput struct{ Body address.PostalAddress }

// createAddress adds an address to the caller's.
func (s *service) createAddress(ctx context.Context, in *createAddressInput) (*addressAnswer, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make an address id: %w", err)
	}
	now := s.Now()
	a := Address{ID: id, PostalAddress: in.Body, Version: 1, CreatedAt: now, UpdatedAt: now}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := lockUser(ctx, tx, caller.UserID); err != nil {
			return err
		}
		has, err := countAddresses(ctx, tx, caller.UserID)
		if err != nil {
			return err
		}
		if has >= maxAddresses {
			return tooManyAddresses()
		}
		return insertAddress(ctx, tx, caller.UserID, a)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, accountGone()
	}
	if err != nil {
		return nil, fmt.Errorf("create an address of user %s: %w", caller.UserID, err)
	}
	created := showAddress(a)
	created.Location = "/v1/users/me/addresses/" + a.ID.String()
	return created, nil
}
