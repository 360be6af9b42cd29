package product

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

type archiveInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
}

// archive handles DELETE /v1/products/{id}. A repeated request succeeds with any
// version, because the response to the first one may have been lost.
//
// # Archive a product
//
// The product is no longer listed and cannot be ordered. It can still be read by its
// id, because old orders link to it. Archiving an archived product changes nothing.
func (s *service) archive(ctx context.Context, in *archiveInput) (*struct{}, error) {
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		p, err := lockProduct(ctx, tx, in.ID)
		if err != nil || p.Status == Archived {
			return err
		}
		if err := in.Check(p.Version); err != nil {
			return err
		}
		before := p
		p.Status = Archived
		p.Version++
		p.UpdatedAt = s.Now()
		if err := updateProduct(ctx, tx, p); err != nil {
			return err
		}
		if err := writeWords(ctx, tx, p); err != nil {
			return err
		}
		if err := trail.Record(ctx, tx, p.change(before, p.UpdatedAt)); err != nil {
			return err
		}
		return s.publishChanged(ctx, tx, p)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("product", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("archive product %s: %w", in.ID, err)
	}
	return nil, nil //nolint:nilnil // a 204 has no body
}
