package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/apikey"
	"souk/shared/database"
)

type revokeKeyInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
}

// keyRevoke handles DELETE /v1/keys/{id}.
//
// # Revoke an API key
//
// All services refuse the key within 5 seconds. This cannot be undone.
func (s *service) keyRevoke(ctx context.Context, in *revokeKeyInput) (*struct{}, error) {
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := lockKeyRights(ctx, tx); err != nil {
			return err
		}
		k, err := lockKey(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		if err := in.Check(k.Version); err != nil {
			return err
		}
		return s.revokeKey(ctx, tx, k)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("key", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("revoke key %s: %w", in.ID, err)
	}
	return nil, nil //nolint:nilnil // a 204 has no body
}

// revokeKey deletes a locked key, and publishes that it is revoked.
func (s *service) revokeKey(ctx context.Context, tx *database.Tx, k Key) error {
	if err := deleteKeyRow(ctx, tx, k.ID); err != nil {
		return err
	}
	if err := recordKey(ctx, tx, k.ID, k, nil, s.Now()); err != nil {
		return err
	}
	return s.publishKey(ctx, tx, apikey.Changed{KeyID: k.ID, Version: k.Version + 1, Revoked: true})
}
