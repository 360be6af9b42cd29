package order

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type returnCancelInput struct {
	ID       uuid.UUID `path:"id" format:"uuid"`
	ReturnID uuid.UUID `path:"returnId" format:"uuid"`
}

// returnCancel handles POST /v1/orders/{id}/returns/{returnId}/cancel.
//
// # Cancel a return
//
// Closes a return of which nothing was received or rejected yet. Nothing is refunded, and its units can be in
// another return. Customers and guests can cancel the returns that they have created, staff every one. The
// customer gets a mail if staff cancels it.
func (s *service) returnCancel(ctx context.Context, tx *database.Tx, in *returnCancelInput) (*returnOutput, error) {
	o, actor, err := lockOrderForCaller(ctx, tx, in.ID)
	if err != nil {
		return nil, err
	}
	r, err := o.openReturn(in.ReturnID)
	if err != nil {
		return nil, err
	}
	if actor.Kind == Customer && r.RequestedBy != Customer {
		return nil, api.NewProblem(http.StatusConflict, codeReturnOfShop, "The shop has created this return. Ask the shop to cancel it.")
	}
	now := s.Now()
	r.Status, r.ClosedAt = ReturnCancelled, &now
	if err := closeReturn(ctx, tx, &o, r); err != nil {
		return nil, fmt.Errorf("cancel return %s of order %s: %w", r.ID, o.ID, err)
	}
	return o.newReturnResponse(ctx, r), s.recordReturn(ctx, tx, &o, r, reasonReturnCancelled, actor, returnCancelled)
}

// codeReturnOfShop is the code of the problem of a customer who cancels a return of the shop.
const codeReturnOfShop = "return_of_shop"
