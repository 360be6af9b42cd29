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
// Ships everything that remains of a confirmed or partially shipped order, as one shipment without
// tracking. The first shipment captures the payment. A shipped order can no longer be cancelled. The response
// has the customer's personal data for callers with orders.read only.
func (s *service) ship(ctx context.Context, tx *database.Tx, in *shipInput) (*orderResponse, error) {
	o, _, err := s.addShipment(ctx, tx, in.ID, parcel{})
	if err != nil {
		return nil, err
	}
	return newResponseTo(ctx, *o), nil
}
