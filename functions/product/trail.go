package product

import (
	"context"

	"souk/shared/trail"
)

// trail handles GET /v1/trail/products.
//
// # List changes of products
//
// Who changed what of products and their stock, and when: newest first. resourceId selects the
// changes of one product. What orders reserve is not in the list. Each page is full with one of
// resourceId, actorId and operation, and a period; with further filters a page may have fewer entries
// than pageSize, or none, and a nextPageToken: read on.
func (s *service) trail(ctx context.Context, in *trail.ListInput) (*trail.ListOutput, error) {
	return trail.List(ctx, s.DB, in)
}
