package webhook

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

type deleteInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
}

// delete handles DELETE /v1/webhooks/{id}.
//
// # Delete a webhook
//
// Nothing more is sent to it, except what is being sent. Its log is deleted with the retention.
func (s *service) delete(ctx context.Context, in *deleteInput) (*struct{}, error) {
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		e, err := lockEndpoint(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		if err := in.Check(e.Version); err != nil {
			return err
		}
		if err := deleteEndpoint(ctx, tx, in.ID); err != nil {
			return err
		}
		return trail.Record(ctx, tx, trail.Change{Resource: resourceWebhook, ID: e.ID, Before: e.trailFields(), At: s.Now()})
	})
	if err != nil {
		return nil, endpointError("delete", in.ID, err)
	}
	return nil, nil //nolint:nilnil // a 204 has no body
}
