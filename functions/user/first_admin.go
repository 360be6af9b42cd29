package user

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/database"
)

// ErrHasAdmin says that the shop has an admin, who can make others.
var ErrHasAdmin = errors.New("the shop has an admin, who can make others: PUT /v1/users/{id}/role")

// ErrNoAccount says that nobody has confirmed an account with that address.
var ErrNoAccount = errors.New("nobody has an account with this address: register, and confirm it by the mail, first")

// FirstAdmin gives the account of an e-mail address the role admin, and returns its
// user id. user-role asks an admin for that, and a new shop has none. The account
// must be there: so it is its owner's, who chose the password and proved the address.
//
// The error is ErrHasAdmin when somebody else is admin, and ErrNoAccount. For the
// account that is the admin, nothing changes. Two that run at the same time can make
// two admins: who may run this may do anything to the database.
func FirstAdmin(ctx context.Context, db *database.DB, email string) (uuid.UUID, error) {
	var u User
	err := db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		c, err := selectCredentials(ctx, tx, emailKey(email))
		if errors.Is(err, sql.ErrNoRows) {
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
		return uuid.Nil, fmt.Errorf("make the first admin: %w", err)
	}
	return u.ID, nil
}

// hasAdmin says whether any account has the role admin. It looks at all of them, page
// by page: that is asked once in a shop's life, and no index is kept for it.
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
