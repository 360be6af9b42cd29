package webhook

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/trail"
)

// revocations stores the revocations of access tokens and the state of API keys. After the deletion of an account it removes
// the account from the trail, which is all that the service has of it.
func (s *service) revocations(ctx context.Context, tx *database.Tx, e event.Event, c function.AccessChange) error {
	if e.Type != userDeleted {
		return s.StoreAccessChange(ctx, tx, e, c)
	}
	if c.UserID == uuid.Nil {
		return errors.New("event has no userId")
	}
	return trail.Erase(ctx, tx, c.UserID)
}

// userDeleted is the type of the events that accounts were deleted.
const userDeleted = "user-deleted"
