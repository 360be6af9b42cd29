package order

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type getDiscountInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// discountGet handles GET /v1/discounts/{id}.
//
// # Get a discount
func (s *service) discountGet(ctx context.Context, in *getDiscountInput) (*discountResponse, error) {
	d, err := selectDiscount(ctx, s.DB, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("discount", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("get discount %s: %w", in.ID, err)
	}
	return newDiscountResponse(d), nil
}
