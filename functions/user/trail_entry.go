package user

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/trail"
)

// resourceUser is the kind of the resource account, with its addresses, in the trail.
const resourceUser = "user"

// recordChange records a change of an account in the trail.
func recordChange(ctx context.Context, tx *database.Tx, id uuid.UUID, before, after any, at time.Time) error {
	return trail.Record(ctx, tx, trail.Change{Resource: resourceUser, ID: id, Before: before, After: after, At: at})
}

// recordRole records a change of a role of staff in the trail. before is nil if it was created, after
// if it was deleted.
func recordRole(ctx context.Context, tx *database.Tx, id uuid.UUID, before, after any, at time.Time) error {
	return trail.Record(ctx, tx, trail.Change{Resource: "role", ID: id, Before: before, After: after, At: at})
}

// recordKey records a change of an API key in the trail. before is nil if it was created, after if it
// was revoked.
func recordKey(ctx context.Context, tx *database.Tx, id uuid.UUID, before, after any, at time.Time) error {
	return trail.Record(ctx, tx, trail.Change{Resource: "key", ID: id, Before: before, After: after, At: at})
}

// recordPassword records in the trail that an account has got another password.
func recordPassword(ctx context.Context, tx *database.Tx, id uuid.UUID, passwordVersion int64, at time.Time) error {
	return recordChange(ctx, tx, id, nil, trail.Fields{"passwordVersion": passwordVersion}, at)
}

// recordSignIn records a login of staff in the trail. Those of customers are in their sessions.
func recordSignIn(ctx context.Context, tx *database.Tx, opened session, role auth.Role) error {
	if role == auth.Customer {
		return nil
	}
	return recordChange(trail.ByAccount(ctx, opened.UserID, role), tx, opened.UserID, nil, trail.Fields{"session": opened.FamilyID}, opened.CreatedAt)
}

// recordAddress records a change of an address in the trail. before is the zero Address if it was
// created, after if it was deleted.
func recordAddress(ctx context.Context, tx *database.Tx, userID uuid.UUID, before, after Address, at time.Time) error {
	id := after.ID
	if id == uuid.Nil {
		id = before.ID
	}
	return recordChange(ctx, tx, userID,
		trail.Fields{"address": trail.Personal(before.PostalAddress)},
		trail.Fields{"address": trail.Personal(after.PostalAddress), "addressId": id}, at)
}
