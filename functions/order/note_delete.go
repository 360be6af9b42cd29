package order

import (
	"context"

	"souk/shared/database"
	"souk/shared/note"
)

// noteDelete handles DELETE /v1/orders/{id}/notes/{noteId}.
//
// # Delete a note on an order
//
// The trail has that the note was deleted, and no longer its text.
func (s *service) noteDelete(ctx context.Context, tx *database.Tx, in *note.DeleteInput) (*struct{}, error) {
	return nil, notes.Delete(ctx, tx, in, s.Now())
}
