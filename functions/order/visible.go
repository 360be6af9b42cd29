package order

import (
	"context"
	"slices"

	"souk/shared/auth"
	"souk/shared/manifest"
)

// newResponseTo returns the response of an operation that has changed an order. Callers that may change orders
// of others, and not read them, get it without the personal data of the customer.
func newResponseTo(ctx context.Context, o Order) *orderResponse {
	o.showTags(ctx)
	if !o.mayRead(ctx) {
		o = o.withoutPersonalData()
	}
	return newResponse(o)
}

// mayRead reports whether the caller may read the order.
func (o *Order) mayRead(ctx context.Context) bool {
	caller, _ := auth.PrincipalFrom(ctx)
	return caller.MayRead(o.UserID, manifest.OrdersRead)
}

// withoutPersonalData returns the order without what identifies its customer or is free text, which erasure
// removes, too.
func (o Order) withoutPersonalData() Order {
	o.ShippingAddress, o.Contact = nil, Contact{}
	o.Shipments, o.Returns, o.History = slices.Clone(o.Shipments), slices.Clone(o.Returns), slices.Clone(o.History)
	for i := range o.Shipments {
		o.Shipments[i].Tracking = Tracking{Carrier: o.Shipments[i].Carrier} // the number and URL show the address
	}
	for i := range o.Returns {
		o.Returns[i].Reason = ""
	}
	for i := range o.History {
		switch entry := &o.History[i]; {
		case entry.Status != Cancelled || entry.Actor == System:
		case entry.Actor == Customer:
			entry.Reason = reasonByCustomer
		default:
			entry.Reason = reasonByShop
		}
	}
	return o
}
