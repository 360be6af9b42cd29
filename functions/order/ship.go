package order

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
)

type shipInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// ship handles POST /v1/orders/{id}/ship.
//
// # Mark an order as shipped
//
// Requires a confirmed order. A shipped order can no longer be cancelled.
func (s *service) ship(ctx context.Context, tx *database.Tx, in *shipInput) (*orderResponse, error) {
	return s.changeStatusForCaller(ctx, tx, in.ID, Shipped, "")
}
