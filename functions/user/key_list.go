package user

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
)

type listKeysOutput struct {
	Body api.Page[Key]
}

// keyList handles GET /v1/keys.
//
// # List API keys
//
// The keys that are not revoked, expired ones too, newest first.
func (s *service) keyList(ctx context.Context, in *api.PageQuery) (*listKeysOutput, error) {
	before := uuid.Max
	if err := in.Cursor(&before); err != nil {
		return nil, err
	}
	keys, err := selectKeys(ctx, s.DB, before, in.Limit())
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	for i := range keys {
		keys[i].hideEnded(s.Now())
	}
	page, err := api.NewPage(*in, keys, func(k Key) any { return k.ID })
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return &listKeysOutput{Body: page}, nil
}
