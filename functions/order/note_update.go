package order

import (
	"context"

	"souk/shared/database"
	"souk/shared/note"
)

// noteUpdate handles PATCH /v1/orders/{id}/notes/{noteId}.
//
// # Update a note on an order
//
// Changes the text, if it is sent. The author remains the one who has added the note; the trail has who
// has changed it.
func (s *service) noteUpdate(ctx context.Context, tx *database.Tx, in *note.UpdateInput) (*note.Response, error) {
	return notes.Update(ctx, tx, in, s.Now())
}
