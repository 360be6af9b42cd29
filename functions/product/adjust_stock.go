package product

import (
	"context"
	"database/sql"
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
		Delta  int64  `json:"delta" minimum:"-1000000000" maximum:"1000000000" doc:"Pieces that came in, or, below zero, that went out." example:"25"`
		Reason string `json:"reason" format:"multiline" minLength:"1" maxLength:"200" example:"delivery 4711"`
	}
}

// adjustStock books a delivery, a loss or a count. It never takes more than there
// is: what orders have reserved is theirs.
func (s *service) adjustStock(ctx context.Context, in *adjustStockInput) (*answer, error) {
	if in.Body.Delta == 0 {
		return nil, api.Invalid("body.delta", api.FieldRange, "must not be 0: nothing would change")
	}
	admin, _ := auth.PrincipalFrom(ctx)
	m := movement{ProductID: in.ID, Delta: in.Body.Delta, Reason: in.Body.Reason, By: admin.UserID, At: s.Now()}
	var p Product
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		moved, err := moveStock(ctx, tx, in.ID, in.Body.Delta)
		if err != nil {
			return err
		}
		if p, err = selectProduct(ctx, tx, in.ID); err != nil {
			return err
		}
		if !moved {
			return refuseMove(p.Available, in.Body.Delta)
		}
		return insertMovements(ctx, tx, m)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, api.NotFound("product", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("adjust the stock of product %s by %d: %w", in.ID, in.Body.Delta, err)
	}
	return show(p), nil
}

func refuseMove(available, delta int64) error {
	if delta < 0 {
		return notEnough(available)
	}
	return api.Invalid("body.delta", api.FieldRange, "the stock would be above %d: it is %d", int64(MaxStock), available)
}
