package product

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
)

type adjustStockInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Delta  int64  `json:"delta" minimum:"-1000000000" maximum:"1000000000" doc:"The number of pieces to add, or, if negative, to remove. It must not be 0." example:"25"`
		Reason string `json:"reason" format:"multiline" minLength:"1" maxLength:"200" example:"delivery 4711"`
	}
}

// stockAdjust handles POST /v1/products/{id}/stock.
//
// # Adjust the stock of a product
//
// Records a delivery, a loss or a stocktaking difference. At most what is available can
// be removed: pieces that orders have reserved are not.
func (s *service) stockAdjust(ctx context.Context, tx *database.Tx, in *adjustStockInput) (*productResponse, error) {
	if in.Body.Delta == 0 {
		return nil, api.Invalid("body.delta", api.FieldRange, "must not be 0: send the number of pieces to add or, as a negative number, to remove")
	}
	admin, _ := auth.PrincipalFrom(ctx)
	m := movement{ProductID: in.ID, Delta: in.Body.Delta, Reason: in.Body.Reason, By: admin.UserID, At: s.Now()}
	moved, err := moveStock(ctx, tx, in.ID, in.Body.Delta)
	if err != nil {
		return nil, fmt.Errorf("adjust the stock of product %s by %d: %w", in.ID, in.Body.Delta, err)
	}
	p, err := selectProduct(ctx, tx, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("product", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("read product %s: %w", in.ID, err)
	}
	if !moved {
		return nil, adjustmentProblem(p.Available, in.Body.Delta)
	}
	if err := insertMovements(ctx, tx, m); err != nil {
		return nil, fmt.Errorf("adjust the stock of product %s by %d: %w", in.ID, in.Body.Delta, err)
	}
	return newResponse(p), nil
}

// adjustmentProblem returns the problem of an adjustment that the stock does not allow.
func adjustmentProblem(available, delta int64) error {
	if delta < 0 {
		return insufficientStock(available)
	}
	return api.Invalid("body.delta", api.FieldRange, "is too large: the stock is %d and may be at most %d", available, int64(MaxStock))
}
