package order

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/manifest"
)

type getInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// get handles GET /v1/orders/{id}.
//
// # Get an order
//
// Customers get their own orders, staff every order.
func (s *service) get(ctx context.Context, in *getInput) (*orderResponse, error) {
	o, err := selectOrder(ctx, s.DB, in.ID)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return nil, fmt.Errorf("get order %s: %w", in.ID, err)
	}
	caller, _ := auth.PrincipalFrom(ctx)
	if err != nil || !caller.MayRead(o.UserID, manifest.OrdersRead) {
		return nil, api.NotFound("order", in.ID)
	}
	o.showTags(ctx)
	return newResponse(o), nil
}
