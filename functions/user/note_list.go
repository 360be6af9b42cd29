package user

import (
	"context"

	"souk/shared/note"
)

// noteList handles GET /v1/users/{id}/notes.
//
// # List notes on an account
//
// Newest first.
func (s *service) noteList(ctx context.Context, in *note.ListInput) (*note.ListOutput, error) {
	return notes.List(ctx, s.DB, in)
}
