package webhook

import (
	"context"

	"souk/shared/trail"
)

// trail handles GET /v1/trail/webhooks.
//
// # List changes of webhooks
//
// Who changed what of webhooks, and when: newest first, with those that the shop has disabled after
// failed attempts. resourceId selects the changes of one webhook. Secrets and the paths of URLs are not
// in the list. Each page is full with one of resourceId, actorId and operation, and a period; with
// further filters a page may have fewer entries than pageSize, or none, and a nextPageToken: read on.
func (s *service) trail(ctx context.Context, in *trail.ListInput) (*trail.ListOutput, error) {
	return trail.List(ctx, s.DB, in)
}
