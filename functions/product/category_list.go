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
	var categories []Category
	err := s.ReplicaReader.Do(ctx, func(q database.Queryer) (err error) {
		categories, err = selectCategories(ctx, q, after.Name, in.Limit())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list categories: %w", err)
	}
	page, err := api.NewPage(in.PageQuery, categories, func(c Category) any { return c })
	if err != nil {
		return nil, fmt.Errorf("list categories: %w", err)
	}
	return &listCategoriesOutput{Body: page}, nil
}
