package user

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type getKeyInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// keyGet handles GET /v1/keys/{id}.
//
// # Get an API key
func (s *service) keyGet(ctx context.Context, in *getKeyInput) (*keyResponse, error) {
	k, err := selectKey(ctx, s.DB, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("key", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("get key %s: %w", in.ID, err)
	}
	return k.showAt(s.Now()), nil
}
