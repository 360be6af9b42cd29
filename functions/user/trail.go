package user

import (
	"context"

	"souk/shared/trail"
)

// trail handles GET /v1/trail/users.
//
// # List changes of accounts
//
// Who changed what of accounts, and when: newest first. resourceId selects the changes of one account
// with its addresses. Personal data is not in the list, only that it has changed. Each page is full
// with one of resourceId, actorId and operation, and a period; with further filters a page may have
// fewer entries than pageSize, or none, and a nextPageToken: read on.
func (s *service) trail(ctx context.Context, in *trail.ListInput) (*trail.ListOutput, error) {
	return trail.List(ctx, s.DB, in)
}
