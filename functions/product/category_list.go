package product

import (
	"context"
	"fmt"

	"souk/shared/api"
	"souk/shared/database"
)

// Category is a group of products. It exists as long as it has an active product.
type Category struct {
	Name string `json:"name" example:"tea"`
}

type listCategoriesInput struct{ api.PageQuery }

type listCategoriesOutput struct {
	Body api.Page[Category]
}

// categoryList handles GET /v1/categories. It does not return the number of products
// per category, which would have to be counted for each request.
//
// # List categories
//
// The categories of the products on sale, by name.
func (s *service) categoryList(ctx context.Context, in *listCategoriesInput) (*listCategoriesOutput, error) {
	after := Category{}
	if err := in.Cursor(&after); err != nil {
		return nil, err
	}
	key := categoriesKey{after: after.Name, limit: in.Limit()}
	page, err := s.categories.Get(ctx, key, func(ctx context.Context) (page api.Page[Category], err error) {
		err = s.ReplicaReader.Do(ctx, func(q database.Queryer) error {
			categories, err := selectCategories(ctx, q, key.after, key.limit)
			if err != nil {
				return err
			}
			page, err = api.NewPage(in.PageQuery, categories, func(c Category) any { return c })
			return err
		})
		return page, err
	})
	if err != nil {
		return nil, fmt.Errorf("list categories: %w", err)
	}
	return &listCategoriesOutput{Body: page}, nil
}

// categoriesKey identifies a page of the list of categories.
type categoriesKey struct {
	after string
	limit int
}
