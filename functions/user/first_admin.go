package user

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/database"
	"souk/shared/trail"
)

// ErrHasOwner reports that the shop has an owner, who can appoint others.
var ErrHasOwner = errors.New("the shop has an owner, who can appoint others: PUT /v1/users/{id}/role")

// ErrNoAccount reports that there is no account with an address.
var ErrNoAccount = errors.New("no account has this address: register it, and confirm it with the token of the mail, first")

// FirstAdmin gives the account of an e-mail address the role owner, and returns its
// user id. user-role requires an owner for this, and a new shop has none. The account
// must exist, so that its owner has chosen the password and confirmed the address.
//
// The error is ErrHasOwner if another account is an owner, or ErrNoAccount. If the
// account is an owner already, nothing changes. Two concurrent calls can create two
// owners. This is no risk, because it requires full access to the database.
func FirstAdmin(ctx context.Context, db *database.DB, email string) (uuid.UUID, error) {
	var u User
	err := db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		c, err := selectAccount(ctx, tx, emailKey(email))
		if errors.Is(err, database.ErrNotFound) {
			return ErrNoAccount
		}
		if err != nil {
			return err
		}
		if u, err = lockUser(ctx, tx, c.UserID); err != nil || u.Role == auth.Owner {
			return err
		}
		if found, err := hasOwner(ctx, tx); err != nil || found {
			return cmp.Or(err, ErrHasOwner)
		}
		before := u
		u.Role = auth.Owner
		u.Version++
		u.UpdatedAt = clock.System()
		if err := updateUser(ctx, tx, u); err != nil {
			return err
		}
		return recordChange(trail.WithOperation(ctx, "first-admin"), tx, u.ID, before, u, u.UpdatedAt)
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("appoint the first admin: %w", err)
	}
	return u.ID, nil
}

// hasOwner reports whether any account has the role owner. It reads all accounts page by
// page: it runs once per shop, which is not worth an index.
func hasOwner(ctx context.Context, q database.Queryer) (bool, error) {
	before := uuid.Max
	for {
		users, err := selectUsers(ctx, q, before, 100)
		if err != nil || len(users) == 0 {
			return false, err
		}
		for _, u := range users {
			if u.Role == auth.Owner {
				return true, nil
			}
		}
		before = users[len(users)-1].ID
	}
}
