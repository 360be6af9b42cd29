package order

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

type deleteDiscountInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
}

// discountDelete handles DELETE /v1/discounts/{id}.
//
// # Delete a discount
//
// Orders store copies of their discounts and do not change.
func (s *service) discountDelete(ctx context.Context, in *deleteDiscountInput) (*struct{}, error) {
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := lockShopSettings(ctx, tx, s.Now()); err != nil {
			return err
		}
		d, err := lockDiscount(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		if err := in.Check(d.Version); err != nil {
			return err
		}
		if err := deleteDiscount(ctx, tx, d.ID); err != nil {
			return err
		}
		if err := trail.Record(ctx, tx, trail.Change{Resource: resourceDiscount, ID: d.ID, Before: d.DiscountRules, At: s.Now()}); err != nil {
			return err
		}
		return increaseRevision(ctx, tx)
	})
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("discount", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("delete discount %s: %w", in.ID, err)
	}
	return nil, nil //nolint:nilnil // a 204 has no body
}
