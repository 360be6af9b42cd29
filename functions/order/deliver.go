package order

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
)

type deliverInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// deliver handles POST /v1/orders/{id}/deliver.
//
// # Mark an order as delivered
//
// Requires a shipped order. The response has the customer's personal data for callers with orders.read only.
func (s *service) deliver(ctx context.Context, tx *database.Tx, in *deliverInput) (*orderResponse, error) {
	return s.changeStatusForCaller(ctx, tx, in.ID, Delivered, "")
}
