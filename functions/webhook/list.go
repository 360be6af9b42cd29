package webhook

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
)

type listOutput struct{ Body api.Page[Endpoint] }

// list handles GET /v1/webhooks.
//
// # List webhooks
//
// Newest first.
func (s *service) list(ctx context.Context, in *api.PageQuery) (*listOutput, error) {
	before := uuid.Max
	if err := in.Cursor(&before); err != nil {
		return nil, err
	}
	endpoints, err := selectEndpoints(ctx, s.DB, before, in.Limit())
	if err != nil {
		return nil, fmt.Errorf("list endpoints: %w", err)
	}
	page, err := api.NewPage(*in, endpoints, func(e Endpoint) any { return e.ID })
	if err != nil {
		return nil, fmt.Errorf("list endpoints: %w", err)
	}
	return &listOutput{Body: page}, nil
}
