package order

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
)

type listDiscountsOutput struct {
	Body api.Page[Discount]
}

// discountList handles GET /v1/discounts.
//
// # List discounts
//
// Newest first.
func (s *service) discountList(ctx context.Context, in *api.PageQuery) (*listDiscountsOutput, error) {
	before := uuid.Max
	if err := in.Cursor(&before); err != nil {
		return nil, err
	}
	discounts, err := selectDiscounts(ctx, s.DB, before, in.Limit())
	if err != nil {
		return nil, fmt.Errorf("list discounts: %w", err)
	}
	page, err := api.NewPage(*in, discounts, func(d Discount) any { return d.ID })
	if err != nil {
		return nil, fmt.Errorf("list discounts: %w", err)
	}
	return &listDiscountsOutput{Body: page}, nil
}
