package product

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

// get handles GET /v1/products/{id}.
//
// # Get a product
//
// Archived products are returned, too, because old orders link to them.
func (s *service) get(ctx context.Context, in *getInput) (*productResponse, error) {
	p, err := s.products.Get(ctx, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("product", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("get product %s: %w", in.ID, err)
	}
	return newResponse(p), nil
}

// readProducts returns the products with ids, by id.
func (s *service) readProducts(ctx context.Context, ids []uuid.UUID) (products map[uuid.UUID]Product, err error) {
	err = s.ReplicaReader.Do(ctx, func(q database.Queryer) (err error) {
		products, err = selectProducts(ctx, q, ids)
		return err
	})
	return products, err
}
