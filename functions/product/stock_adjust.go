package product

import (
	"context"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/trail"
)

type adjustStockInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Delta  *int64 `json:"delta" nullable:"false" minimum:"-1000000000" maximum:"1000000000" doc:"The number of units to add, or, if negative, to remove. It must not be 0." example:"25"`
		Reason string `json:"reason" format:"multiline" minLength:"1" maxLength:"200" example:"delivery 4711"`
	}
}

// Resolve implements huma.Resolver. It checks a rule that the schema cannot express.
func (in *adjustStockInput) Resolve(huma.Context) []error {
	if in.Body.Delta == nil || *in.Body.Delta != 0 { // missing or of the wrong type, or valid
		return nil
	}
	return []error{api.FieldError{Location: "body.delta", Code: api.FieldRange, Message: "must not be 0: send the number of units to add or, as a negative number, to remove"}}
}

// stockAdjust handles POST /v1/products/{id}/stock.
//
// # Adjust the stock of a product
//
// Records a delivery, a loss or a stocktaking difference. After a count, send the difference of the
// count and onHand, which includes the units that are reserved for orders and still on the shelf. At
// most the available units can be removed, which do not include these.
func (s *service) stockAdjust(ctx context.Context, tx *database.Tx, in *adjustStockInput) (*staffResponse, error) {
	delta := *in.Body.Delta // the schema requires it
	caller, _ := auth.PrincipalFrom(ctx)
	m := movement{ProductID: in.ID, Delta: delta, Reason: in.Body.Reason, By: caller.ID(), At: s.Now()}
	moved, err := moveStock(ctx, tx, in.ID, delta)
	if err != nil {
		return nil, fmt.Errorf("adjust the stock of product %s by %d: %w", in.ID, delta, err)
	}
	p, err := selectProduct(ctx, tx, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("product", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("read product %s: %w", in.ID, err)
	}
	if !moved {
		return nil, adjustmentProblem(p.Available, delta)
	}
	if err := insertMovements(ctx, tx, m); err != nil {
		return nil, fmt.Errorf("adjust the stock of product %s by %d: %w", in.ID, delta, err)
	}
	if low := p.newStockLow(delta); len(low) > 0 {
		if err := topicStockLow.AddBatch(ctx, tx, s.Outbox, low...); err != nil {
			return nil, fmt.Errorf("notify of the low stock of product %s: %w", in.ID, err)
		}
	}
	before := p
	before.Available -= delta
	if err := trail.Record(ctx, tx, p.change(before, m.At)); err != nil {
		return nil, err
	}
	return newStaffResponse(p), nil
}

// adjustmentProblem returns the problem of an adjustment that the stock does not allow.
func adjustmentProblem(available, delta int64) error {
	if delta < 0 {
		return insufficientStock(available)
	}
	return api.Invalid("body.delta", api.FieldRange, "is too large: the stock is %d and may be at most %d", available, int64(MaxStock))
}
