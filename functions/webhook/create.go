package webhook

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

type createInput struct{ Body EndpointFields }

// create handles POST /v1/webhooks.
//
// # Create a webhook
//
// Sends the events of the types that are listed to the URL from now on. The response has the secret
// of the signatures, once. A shop has at most 20 webhooks.
func (s *service) create(ctx context.Context, tx *database.Tx, in *createInput) (*secretResponse, error) {
	if errs := s.check(in.Body); len(errs) > 0 {
		return nil, api.InvalidFields(errs)
	}
	count, err := countEndpoints(ctx, tx)
	if err != nil {
		return nil, err
	}
	if count >= maxEndpoints {
		return nil, tooManyEndpoints()
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create an id: %w", err)
	}
	now, key := s.Now(), newKey()
	e := Endpoint{ID: id, EndpointFields: in.Body, Status: Enabled, Version: 1, CreatedAt: now, UpdatedAt: now}
	if err := insertEndpoint(ctx, tx, &e, s.sealer.seal(id, key)); err != nil {
		return nil, fmt.Errorf("create endpoint %s: %w", id, err)
	}
	if err := trail.Record(ctx, tx, e.change(nil, now)); err != nil {
		return nil, err
	}
	response := newSecretResponse(e, key)
	response.Location = "/v1/webhooks/" + id.String()
	return response, nil
}

// revealCreated returns the response to the request that has created an endpoint.
func (s *service) revealCreated(_ context.Context, _ *createInput, out *secretResponse) *secretResponse {
	return reveal(out)
}
