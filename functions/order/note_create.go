package order

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/note"
)

// noteCreate handles POST /v1/orders/{id}/notes.
//
// # Add a note to an order
//
// Staff and API keys see the notes on an order, customers and guests do not. They are deleted with the
// personal data of the order, after which none can be added. An order has at most 200 notes.
func (s *service) noteCreate(ctx context.Context, tx *database.Tx, in *note.CreateInput) (*note.Response, error) {
	o, err := lockOwner(ctx, tx, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("order", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("lock order %s: %w", in.ID, err)
	}
	if o.isErased() {
		return nil, api.NewProblem(http.StatusConflict, codeErased, "The personal data of the order was erased, and notes are free text, which may be personal. Use tags.")
	}
	return notes.CreateOnLocked(ctx, tx, in, s.Now())
}

// codeErased is the code of the problem of an order that can have no notes.
const codeErased = "order_erased"
