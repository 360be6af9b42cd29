package order

import (
	"cmp"
	"context"

	"github.com/google/uuid"

	"souk/shared/auth"
)

// The reasons of cancellations for which the caller gave none.
const (
	byCustomer = "by_customer"
	byShop     = "by_shop"
)

type cancelInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body *struct {
		Reason string `json:"reason,omitempty" format:"multiline" maxLength:"200" doc:"Why, in the caller's words." example:"ordered twice"`
	}
}

// cancel ends an order that has not been shipped. Its stock goes back.
func (s *service) cancel(ctx context.Context, in *cancelInput) (*answer, error) {
	reason := byCustomer
	if caller, _ := auth.PrincipalFrom(ctx); caller.Role == auth.Admin {
		reason = byShop
	}
	if in.Body != nil {
		reason = cmp.Or(in.Body.Reason, reason)
	}
	return s.moveFor(ctx, in.ID, step{To: Cancelled, Reason: reason, Event: "order-cancelled", Refusal: "order_not_cancellable"})
}
