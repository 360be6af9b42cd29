package payment

import (
	"context"

	"souk/shared/trail"
)

// trail handles GET /v1/trail/payments.
//
// # List changes of payments
//
// Who changed what of payments, refunds and invoices, and when: newest first. resourceId selects the
// changes of the payment of one order, by the order's id. Each page is full with one of resourceId,
// actorId and operation, and a period; with further filters a page may have fewer entries than
// pageSize, or none, and a nextPageToken: read on.
func (s *service) trail(ctx context.Context, in *trail.ListInput) (*trail.ListOutput, error) {
	return trail.List(ctx, s.DB, in)
}
