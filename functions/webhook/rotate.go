package webhook

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/trail"
)

// rotationOverlap is how long requests are signed by the secret before a rotation, too.
const rotationOverlap = 24 * time.Hour

type rotateInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// rotate handles POST /v1/webhooks/{id}/rotate.
//
// # Rotate the secret of a webhook
//
// The response has the new secret, once. Requests are signed by both secrets for 24 hours, and by
// the new one alone afterwards; a secret before both is not used any more.
func (s *service) rotate(ctx context.Context, tx *database.Tx, in *rotateInput) (*secretResponse, error) {
	e, err := lockEndpoint(ctx, tx, in.ID)
	if err != nil {
		return nil, endpointError("rotate the secret of", in.ID, err)
	}
	now, key, before := s.Now(), newKey(), e
	until := now.Add(rotationOverlap)
	e.Version++
	e.UpdatedAt, e.PreviousSecretUntil = now, &until
	if err := rotateKey(ctx, tx, &e, s.sealer.seal(e.ID, key)); err != nil {
		return nil, endpointError("rotate the secret of", in.ID, err)
	}
	if err := trail.Record(ctx, tx, e.change(&before, now)); err != nil {
		return nil, err
	}
	return newSecretResponse(e, key), nil
}

// revealRotated returns the response to the request that has rotated a secret.
func (s *service) revealRotated(_ context.Context, _ *rotateInput, out *secretResponse) *secretResponse {
	return reveal(out)
}
