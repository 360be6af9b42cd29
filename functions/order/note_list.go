package order

import (
	"context"

	"souk/shared/note"
)

// noteList handles GET /v1/orders/{id}/notes.
//
// # List notes on an order
//
// Newest first.
func (s *service) noteList(ctx context.Context, in *note.ListInput) (*note.ListOutput, error) {
	return notes.List(ctx, s.DB, in)
}
