package order

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
)

type deliverInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// deliver notes that a shipped order has arrived.
func (s *service) deliver(ctx context.Context, tx *database.Tx, in *deliverInput) (*answer, error) {
	return s.moveFor(ctx, tx, in.ID, step{To: Delivered, Event: "order-delivered", Refusal: "order_not_deliverable"})
}
