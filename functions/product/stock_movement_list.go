package product

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

// StockMovement is a change of a product's stock. The sum of all deltas of a product is what is
// available.
type StockMovement struct {
	ID    uuid.UUID    `json:"id" format:"uuid" doc:"The id of the movement. That of an order's movement is the id of the order."`
	Kind  MovementKind `json:"kind" enum:"adjustment,import,order"`
	Delta int64        `json:"delta" doc:"The number of units that were added or, if negative, removed. For an order, the units that it holds or that were sold: 0 after they are released, and less after some are for sale again." example:"25"`
	// Reserved is only in movements of orders.
	Reserved int64  `json:"reserved,omitempty" doc:"The units of an order that are reserved and not shipped yet." example:"2"`
	Reason   string `json:"reason" doc:"The reason of an adjustment, as it was sent. For an order, reserved or released." example:"delivery 4711"`
	// Who caused the movement, and by what.
	UserID     *uuid.UUID `json:"userId,omitempty" format:"uuid" doc:"The account that sent the adjustment or the import."`
	OrderID    *uuid.UUID `json:"orderId,omitempty" format:"uuid" doc:"The order that reserved the units."`
	ImportID   *uuid.UUID `json:"importId,omitempty" format:"uuid" doc:"The import that moved the stock."`
	ImportLine int64      `json:"importLine,omitempty" doc:"The line of the import."`
	At         time.Time  `json:"at" doc:"When the stock was moved. For an order, when its reservation last changed."`
}

// MovementKind is what causes a movement.
type MovementKind string

// The kinds of movements.
const (
	AdjustmentMovement MovementKind = "adjustment"
	ImportMovement     MovementKind = "import"
	OrderMovement      MovementKind = "order"
)

type listMovementsInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.PageQuery
}

type listMovementsOutput struct {
	Body api.Page[StockMovement]
}

// stockMovementList handles GET /v1/products/{id}/stock-movements. Movements and orders are two
// tables, each read in the order of its ids, which grow with time.
//
// # List a product's stock movements
//
// Who changed the stock, and why: adjustments, imports and orders, newest first. An order is one
// movement, from when it was placed.
func (s *service) stockMovementList(ctx context.Context, in *listMovementsInput) (*listMovementsOutput, error) {
	before := uuid.Max
	if err := in.Cursor(&before); err != nil {
		return nil, err
	}
	_, err := selectProduct(ctx, s.DB, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("product", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("read product %s: %w", in.ID, err)
	}
	movements, err := selectMovements(ctx, s.DB, in.ID, before, in.Limit())
	if err != nil {
		return nil, fmt.Errorf("list the stock movements of product %s: %w", in.ID, err)
	}
	page, err := api.NewPage(in.PageQuery, movements, func(m StockMovement) any { return m.ID })
	if err != nil {
		return nil, fmt.Errorf("list the stock movements of product %s: %w", in.ID, err)
	}
	return &listMovementsOutput{Body: page}, nil
}

// selectMovements returns the movements of a product before an id, newest first.
func selectMovements(ctx context.Context, q database.Queryer, product, before uuid.UUID, limit int) ([]StockMovement, error) {
	moved, err := selectStockMovements(ctx, q, product, before, limit)
	if err != nil {
		return nil, err
	}
	ordered, err := selectOrderMovements(ctx, q, product, before, limit)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(moved, ordered)
	slices.SortFunc(all, func(a, b StockMovement) int { return database.CompareIDs(b.ID, a.ID) })
	return all[:min(limit, len(all))], nil
}
