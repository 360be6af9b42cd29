package order

import (
	"context"

	"github.com/google/uuid"

	"souk/shared/database"
)

type shipInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// ship notes that a confirmed order has left the shop. It cannot be cancelled any
// more.
func (s *service) ship(ctx context.Context, tx *database.Tx, in *shipInput) (*answer, error) {
	return s.moveFor(ctx, tx, in.ID, step{To: Shipped, Event: "order-shipped", Refusal: "order_not_shippable"})
}
