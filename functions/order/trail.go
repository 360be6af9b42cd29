package order

import (
	"context"

	"souk/functions/order/history"
	"souk/shared/trail"
)

// trail handles GET /v1/trail/orders.
//
// # List changes of orders
//
// Who changed what of orders, settings and discounts, and when: newest first. resourceId selects the
// changes of one order with its shipments and returns. Each page is full with one of resourceId,
// actorId and operation, and a period; with further filters a page may have fewer entries than
// pageSize, or none, and a nextPageToken: read on.
func (s *service) trail(ctx context.Context, in *trail.ListInput) (*trail.ListOutput, error) {
	return trail.List(ctx, s.DB, in, history.Entries)
}
