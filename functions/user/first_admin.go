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
)

// ErrHasAdmin reports that the shop has an admin, who can appoint others.
var ErrHasAdmin = errors.New("the shop has an admin, who can appoint others: PUT /v1/users/{id}/role")

// ErrNoAccount reports that there is no account with an address.
var ErrNoAccount = errors.New("no account has this address: register it, and confirm it with the token of the mail, first")

// FirstAdmin gives the account of an e-mail address the role admin, and returns its
// user id. user-role requires an admin for this, and a new shop has none. The account
// must exist, so that its owner has chosen the password and confirmed the address.
//
// The error is ErrHasAdmin if another account is an admin, or ErrNoAccount. If the
// account is an admin already, nothing changes. Two concurrent calls can create two
// admins. This is no risk, because it requires full access to the database.
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
		if u, err = lockUser(ctx, tx, c.UserID); err != nil || u.Role == auth.Admin {
			return err
		}
		if found, err := hasAdmin(ctx, tx); err != nil || found {
			return cmp.Or(err, ErrHasAdmin)
		}
		u.Role = auth.Admin
		u.Version++
		u.UpdatedAt = clock.System()
		return updateUser(ctx, tx, u)
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("appoint the first admin: %w", err)
	}
	return u.ID, nil
}

// hasAdmin reports whether any account has the role admin. It reads all accounts page by
// page: it runs once per shop, which is not worth an index.
func hasAdmin(ctx context.Context, q database.Queryer) (bool, error) {
	before := uuid.Max
	for {
		users, err := selectUsers(ctx, q, before, 100)
		if err != nil || len(users) == 0 {
			return false, err
		}
		for _, u := range users {
			if u.Role == auth.Admin {
				return true, nil
			}
		}
		before = users[len(users)-1].ID
	}
}
