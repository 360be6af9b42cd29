package order

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type returnCreateInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Lines  []Units `json:"lines" minItems:"1" maxItems:"50" doc:"The units that come back."`
		Reason string  `json:"reason,omitempty" format:"multiline" maxLength:"200" doc:"The reason, as free text." example:"does not fit"`
	}
}

// Resolve implements huma.Resolver. It requires each product once.
func (in *returnCreateInput) Resolve(huma.Context) []error {
	return checkDuplicateUnits("body.lines", in.Body.Lines)
}

type returnOutput struct {
	Body Return
}

// returnCreate handles POST /v1/orders/{id}/returns.
//
// # Return units of an order
//
// Announces that shipped units come back. Customers and guests can do so for a time after the units
// were shipped, which is a setting of the shop, and at most ten times for an order; staff always can.
// Units are in one return only.
// Nothing is refunded before the shop has received them.
func (s *service) returnCreate(ctx context.Context, tx *database.Tx, in *returnCreateInput) (*returnOutput, error) {
	o, actor, err := lockOrderForCaller(ctx, tx, in.ID)
	if err != nil {
		return nil, err
	}
	if !o.Status.isShipped() {
		return nil, api.NewProblem(http.StatusConflict, "order_not_returnable", "An order that is %s has no units that were shipped. Cancel it instead, if it is not shipped yet.", o.Status)
	}
	if problem := o.checkReturns(actor); problem != nil {
		return nil, problem
	}
	for _, units := range in.Body.Lines {
		if problem := s.checkReturnable(&o, units, actor); problem != nil {
			return nil, problem
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("create the id of a return: %w", err)
	}
	created := Return{ID: id, Status: ReturnRequested, Reason: in.Body.Reason, RequestedBy: actor.Kind, CreatedAt: s.Now()}
	if o.isErased() {
		created.Reason = "" // free text may contain names
	}
	for _, units := range in.Body.Lines {
		created.Lines = append(created.Lines, ReturnLine{Units: units})
	}
	r := o.addReturn(created)
	if err := insertReturn(ctx, tx, &o, r); err != nil {
		return nil, fmt.Errorf("insert a return of order %s: %w", o.ID, err)
	}
	return &returnOutput{*r}, s.recordReturn(ctx, tx, &o, r, reasonReturnRequested, actor, returnCreated)
}

// checkReturnable returns a problem if units of a locked order cannot be returned.
func (s *service) checkReturnable(o *Order, units Units, actor Actor) *api.Problem {
	item := o.item(units.ProductID)
	if item == nil {
		return lineNotOrdered(units.ProductID)
	}
	if returnable := o.returnable(item); units.Quantity > returnable {
		return api.NewProblem(http.StatusConflict, "quantity_not_returnable",
			"Of product %s, %d units were shipped, and %d of them are returned or in another return. Return %d or fewer.",
			item.ProductID, item.Shipped, item.Shipped-returnable, returnable)
	}
	until := o.lastShippedAt(units.ProductID).Add(s.settings.ReturnPeriod)
	if actor.Kind == Customer && s.Now().After(until) {
		return api.NewProblem(http.StatusConflict, "return_period_ended", "Units of product %s could be returned until %s. Ask the shop.",
			item.ProductID, until.UTC().Format(time.RFC3339))
	}
	return nil
}

// lastShippedAt returns when units of a product were shipped last. Without shipments, it is when
// the order was.
func (o *Order) lastShippedAt(product uuid.UUID) (at time.Time) {
	for _, shipment := range o.Shipments {
		for _, line := range shipment.Lines {
			if line.ProductID == product {
				at = shipment.CreatedAt
			}
		}
	}
	if len(o.Shipments) > 0 {
		return at
	}
	for _, entry := range o.History {
		if entry.Status == Shipped && at.IsZero() {
			at = entry.At
		}
	}
	return at
}
