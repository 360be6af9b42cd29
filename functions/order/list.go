package order

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
)

type listInput struct {
	api.PageQuery
	Status Status        `query:"status" doc:"Return only orders with this status."`
	UserID uuid.NullUUID `query:"userId" format:"uuid" doc:"Return only orders of this account. Only admins can list another account's orders."`
}

type listOutput struct {
	Body api.Page[Order]
}

// list handles GET /v1/orders.
//
// # List orders
//
// Newest first. Customers get their own orders, admins those of all customers.
func (s *service) list(ctx context.Context, in *listInput) (*listOutput, error) {
	caller, _ := auth.PrincipalFrom(ctx)
	filter := orderFilter{UserID: in.UserID, Status: in.Status, Before: uuid.Max}
	if caller.Role != auth.Admin {
		if in.UserID.Valid && in.UserID.UUID != caller.UserID {
			return nil, api.Invalid("query.userId", api.FieldValue, "is another account's id: omit it to list your own orders, or use an admin's access token")
		}
		filter.UserID = uuid.NullUUID{UUID: caller.UserID, Valid: true}
	}
	if err := in.Cursor(&filter.Before); err != nil {
		return nil, err
	}
	orders, err := selectOrders(ctx, s.DB, filter, in.Limit())
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	page, err := api.NewPage(in.PageQuery, orders, func(o Order) any { return o.ID })
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	return &listOutput{Body: page}, nil
}
