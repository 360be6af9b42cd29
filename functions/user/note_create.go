package user

import (
	"context"

	"souk/shared/database"
	"souk/shared/note"
)

// noteCreate handles POST /v1/users/{id}/notes.
//
// # Add a note to an account
//
// Staff and API keys see the notes on an account. The owner of the account gets their texts in an export of
// the account's data only. They are deleted with the account. An account has at most 200 notes.
func (s *service) noteCreate(ctx context.Context, tx *database.Tx, in *note.CreateInput) (*note.Response, error) {
	return notes.Create(ctx, tx, in, s.Now())
}
