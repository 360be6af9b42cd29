package order

import (
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/function"
)

type placeInput struct {
	api.Prefer
	Body struct {
		Items           []placeItem            `json:"items" minItems:"1" maxItems:"50"`
		ShippingAddress *address.PostalAddress `json:"shippingAddress,omitempty" doc:"It is required if the shop charges shipping."`
		ShippingMethod  string                 `json:"shippingMethod,omitempty" maxLength:"64" doc:"The id of the shipping method. It is required if the shop charges shipping." example:"standard"`
		DiscountCodes   []string               `json:"discountCodes,omitempty" maxItems:"10" maxLength:"64" doc:"Discount codes, in the order of their use; case does not matter." example:"[\"WELCOME10\"]"`
	}
}

type placeItem struct {
	ProductID uuid.UUID `json:"productId" format:"uuid"`
	Quantity  int64     `json:"quantity" minimum:"1" maximum:"1000" example:"1"`
}

// Resolve implements huma.Resolver. It returns an error for each item whose product is
// already in an earlier item.
func (in *placeInput) Resolve(huma.Context) []error {
	return checkDuplicates("body.items", in.Body.Items)
}

// checkDuplicates returns an error for each item whose product is already in an earlier item.
func checkDuplicates(location string, items []placeItem) []error {
	var errs []error
	seen := map[uuid.UUID]bool{}
	for i, item := range items {
		if seen[item.ProductID] {
			errs = append(errs, api.FieldError{
				Location: fmt.Sprintf("%s[%d].productId", location, i), Code: api.FieldDuplicate,
				Message: "is a duplicate: list each product once, with the total quantity",
			})
		}
		seen[item.ProductID] = true
	}
	return errs
}

// place handles POST /v1/orders. It stores the orders of a batch of requests as pending. The
// function stock-reserve then reserves the stock, after which an order is confirmed, waits for
// its payment, or is rejected.
//
// # Place an order
//
// The order gets the shop's current prices, with its taxes, shipping charge and automatic
// discounts. It is pending until its stock is reserved, and
// then confirmed or rejected, usually within a second: poll the order, or send Prefer: wait
// to get the new status in the response. If payment is required, the order is then
// awaiting_payment until it is paid, and cancelled if it is not paid in time. A replayed
// response contains the order as it was placed: get its Location for the current status. The
// refused discount codes of one network are limited: 429 has the time to wait in Retry-After.
func (s *service) place(ctx context.Context, tx *database.Tx, calls []*placeCall) error {
	now := s.Now()
	placements := make([]*placement, len(calls))
	for i, call := range calls {
		customer, _ := auth.PrincipalFrom(call.Context)
		p, err := newPlacement(call.Context, customer.UserID, call.In.cart(customer.UserID), now)
		if err != nil {
			return err
		}
		p.entered = newCodes(call.In.Body.DiscountCodes, nil)
		placements[i] = p
	}
	if err := s.placeOrders(ctx, tx, placements); err != nil {
		return err
	}
	for i, p := range placements {
		if p.problem != nil {
			calls[i].Fail(p.problem)
		} else {
			calls[i].Return(newResponseWithLocation(*p.order))
		}
	}
	return nil
}

// cart returns the cart of a request of a customer.
func (in *placeInput) cart(customer uuid.UUID) cart {
	body := &in.Body
	return cart{customer: customer, items: body.Items, address: body.ShippingAddress, shippingMethod: body.ShippingMethod, codes: body.DiscountCodes}
}

type placeCall = function.Call[placeInput, orderResponse]

// newResponseWithLocation returns the response of order-place, with the order's URL in
// Location.
func newResponseWithLocation(o Order) *orderResponse {
	response := newResponse(o)
	response.Location = "/v1/orders/" + o.ID.String()
	return response
}
