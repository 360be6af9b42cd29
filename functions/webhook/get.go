package webhook

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type getInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// get handles GET /v1/webhooks/{id}.
//
// # Get a webhook
func (s *service) get(ctx context.Context, in *getInput) (*endpointResponse, error) {
	e, err := selectEndpoint(ctx, s.DB, in.ID)
	if err != nil {
		return nil, endpointError("get", in.ID, err)
	}
	return newEndpointResponse(e), nil
}

// endpointError returns the error of an operation on an endpoint: a 404 if there is none.
func endpointError(operation string, id uuid.UUID, err error) error {
	if errors.Is(err, database.ErrNotFound) {
		return api.NotFound("webhook", id)
	}
	return fmt.Errorf("%s endpoint %s: %w", operation, id, err)
}
