package order

import (
	"cmp"
	"context"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
)

// Reasons of cancellations for which the caller gave none.
const (
	byCustomer = "by_customer"
	byShop     = "by_shop"
)

type cancelInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body *struct {
		Reason string `json:"reason,omitempty" format:"multiline" maxLength:"200" doc:"The reason, as free text. Without it the history shows by_customer or by_shop." example:"ordered twice"`
	}
}

// cancel handles POST /v1/orders/{id}/cancel.
//
// # Cancel an order
//
// Ends an order that has not been shipped. Its stock becomes available again.
func (s *service) cancel(ctx context.Context, tx *database.Tx, in *cancelInput) (*orderResponse, error) {
	reason := byCustomer
	if caller, _ := auth.PrincipalFrom(ctx); caller.Role == auth.Admin {
		reason = byShop
	}
	if in.Body != nil {
		reason = cmp.Or(in.Body.Reason, reason)
	}
	return s.moveForCaller(ctx, tx, in.ID, Cancelled, reason)
}
