package order

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/manifest"
)

type returnReceiveInput struct {
	ID       uuid.UUID `path:"id" format:"uuid"`
	ReturnID uuid.UUID `path:"returnId" format:"uuid"`
	Body     struct {
		Lines          []receivedUnits `json:"lines" maxItems:"50" doc:"The units that have arrived and are accepted, at most those of the return. Without any, the return is rejected."`
		Refund         bool            `json:"refund" doc:"Whether to refund the received units, if the order was paid." example:"true"`
		RefundShipping bool            `json:"refundShipping,omitempty" doc:"Whether to refund what remains of the shipping, too."`
	}
}

type receivedUnits struct {
	ProductID uuid.UUID `json:"productId" format:"uuid"`
	Quantity  int64     `json:"quantity" minimum:"0" maximum:"1000" example:"1"`
	Restock   bool      `json:"restock,omitempty" doc:"Whether the units are for sale again." example:"true"`
}

// Resolve implements huma.Resolver. It requires each product once, and refuses a refund of shipping
// without one of units.
func (in *returnReceiveInput) Resolve(huma.Context) []error {
	units := make([]Units, len(in.Body.Lines))
	for i, line := range in.Body.Lines {
		units[i] = Units{line.ProductID, line.Quantity}
	}
	errs := checkDuplicateUnits("body.lines", units)
	if in.Body.RefundShipping && !in.Body.Refund {
		errs = append(errs, api.FieldError{Location: "body.refundShipping", Code: api.FieldValue, Message: "must not be true without refund"})
	}
	return errs
}

// returnReceive handles POST /v1/orders/{id}/returns/{returnId}/receive.
//
// # Receive a return
//
// Closes a return with the units that have arrived, which are refunded and for sale again as the
// request decides. Refunds follow within seconds, at most what was captured: read the payment for
// them. They need the permission refunds.write, too. Units that have not arrived can be returned
// again.
func (s *service) returnReceive(ctx context.Context, tx *database.Tx, in *returnReceiveInput) (*returnOutput, error) {
	if caller, _ := auth.PrincipalFrom(ctx); in.Body.Refund {
		if err := caller.Require(manifest.RefundsWrite); err != nil {
			return nil, err
		}
	}
	o, actor, err := lockOrderForCaller(ctx, tx, in.ID)
	if err != nil {
		return nil, err
	}
	r, err := o.openReturn(in.ReturnID)
	if err != nil {
		return nil, err
	}
	received, err := o.receive(r, in.Body.Lines)
	if err != nil {
		return nil, err
	}
	now, reason, topic := s.Now(), reasonReturnRejected, returnRejected
	r.Status, r.ClosedAt = ReturnRejected, &now
	if received > 0 {
		r.Status, reason, topic = ReturnReceived, reasonReturnReceived, returnReceived
		r.Refund, r.RefundShipping = in.Body.Refund, in.Body.RefundShipping
	}
	if err := closeReturn(ctx, tx, &o, r); err != nil {
		return nil, fmt.Errorf("close return %s of order %s: %w", r.ID, o.ID, err)
	}
	return o.newReturnResponse(ctx, r), s.recordReturn(ctx, tx, &o, r, reason, actor, topic)
}

// receive sets which units of an open return have arrived, and returns their number. Units that have come
// back without the return, because a refund made them available, do not come back again.
func (o *Order) receive(r *Return, lines []receivedUnits) (sum int64, err error) {
	for _, in := range lines {
		line, item := r.find(in.ProductID), o.item(in.ProductID)
		switch {
		case line == nil || item == nil:
			return 0, api.NewProblem(http.StatusConflict, "line_not_returned", "The return has no product %s. Create another return for it.", in.ProductID)
		case in.Quantity > line.Quantity:
			return 0, api.NewProblem(http.StatusConflict, "quantity_not_returned",
				"The return has %d units of product %s. Create another return for more.", line.Quantity, in.ProductID)
		case in.Quantity > item.Shipped-item.Returned:
			return 0, api.NewProblem(http.StatusConflict, "quantity_not_returned",
				"Of product %s, %d units were shipped, and %d have come back already: by other returns, or by a refund of units that are for sale again. Receive %d or fewer.",
				in.ProductID, item.Shipped, item.Returned, item.Shipped-item.Returned)
		}
		line.Received, line.Restock = in.Quantity, in.Restock && in.Quantity > 0
		sum += in.Quantity
	}
	return sum, nil
}

// errNoReturn is the error of closing a return that is not open.
var errNoReturn = errors.New("the return is not open")
