package order

import (
	"cmp"
	"context"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/manifest"
)

// Reasons in the history of a cancelled order.
const (
	reasonByCustomer     = "by_customer" // without a reason in the request
	reasonByShop         = "by_shop"     // without a reason in the request
	reasonExpired        = "expired"     // pending for too long
	reasonUnpaid         = "unpaid"      // awaiting payment for too long
	reasonPaymentFailed  = "payment_failed"
	reasonAccountDeleted = "account_deleted"
)

type cancelInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body *struct {
		Reason string `json:"reason,omitempty" format:"multiline" maxLength:"200" doc:"The reason, as free text. The default is by_customer or by_shop." example:"ordered twice"`
	}
}

// cancel handles POST /v1/orders/{id}/cancel.
//
// # Cancel an order
//
// Cancels an order that has not been shipped. Its stock becomes available again, and its
// payment is voided or refunded. To staff without orders.read, the response has no personal data of the customer.
func (s *service) cancel(ctx context.Context, tx *database.Tx, in *cancelInput) (*orderResponse, error) {
	reason := reasonByCustomer
	if caller, _ := auth.PrincipalFrom(ctx); caller.Can(manifest.OrdersWrite) {
		reason = reasonByShop
	}
	if in.Body != nil {
		reason = cmp.Or(in.Body.Reason, reason)
	}
	return s.changeStatusForCaller(ctx, tx, in.ID, Cancelled, reason)
}
