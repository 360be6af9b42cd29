package product

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
)

type listInput struct {
	api.PageQuery
	Category string `query:"category" maxLength:"64" doc:"Only products of this category."`
}

type listOutput struct {
	Body api.Page[Product]
}

// list shows the products that are sold, newest first.
func (s *service) list(ctx context.Context, in *listInput) (*listOutput, error) {
	before := uuid.Max
	if err := in.Cursor(&before); err != nil {
		return nil, err
	}
	products, err := selectProducts(ctx, s.DB, in.Category, before, in.Limit())
	if err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	page, err := api.NewPage(in.PageQuery, products, func(p Product) any { return p.ID })
	if err != nil {
		return nil, fmt.Errorf("list products: %w", err)
	}
	return &listOutput{Body: page}, nil
}
