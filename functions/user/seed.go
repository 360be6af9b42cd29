package user

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/functions/user/internal/password"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/database"
)

// Seed creates an account with a password and a role, and returns its user id. An
// existing account gets the password and the role. Seed may be called repeatedly and
// concurrently. It must only be called for local systems.
func Seed(ctx context.Context, db *database.DB, email, password string, role auth.Role) (uuid.UUID, error) {
	id, err := seed(ctx, db, email, password, role)
	if database.IsDuplicate(err) { // a concurrent call created it
		id, err = seed(ctx, db, email, password, role)
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("seed login %s: %w", email, err)
	}
	return id, nil
}

func seed(ctx context.Context, db *database.DB, email, secret string, role auth.Role) (uuid.UUID, error) {
	if message := validateEmail(email); message != "" {
		return uuid.Nil, errors.New(message)
	}
	if !role.Valid() {
		return uuid.Nil, fmt.Errorf("unknown role %q", role)
	}
	passwords := password.NewHasher(password.DefaultSlots(), 64, time.Minute)
	c, err := selectCredentials(ctx, db, emailKey(email))
	if errors.Is(err, database.ErrNotFound) {
		return seedNew(ctx, db, passwords, email, secret, role)
	}
	if err != nil {
		return uuid.Nil, err
	}
	same, outdated, err := passwords.Check(ctx, secret, c.PasswordHash)
	if err != nil {
		return uuid.Nil, err
	}
	if same && !outdated && c.Role == role {
		return c.UserID, nil
	}
	hash, err := passwords.Hash(ctx, secret)
	if err != nil {
		return uuid.Nil, err
	}
	return c.UserID, updateLogin(ctx, db, c.UserID, role, hash, clock.System())
}

// SeedCustomers creates customer accounts without a usable password and returns their user
// ids in the order of the addresses. Customers of a load test are created by it, thousands of
// which could not be hashed one by one. It must only be called for local systems.
func SeedCustomers(ctx context.Context, db *database.DB, emails []string) ([]uuid.UUID, error) {
	hash, err := password.NewHasher(1, 1, time.Minute).Hash(ctx, rand.Text())
	if err != nil {
		return nil, fmt.Errorf("seed customers: %w", err)
	}
	ids := make([]uuid.UUID, 0, len(emails))
	err = db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		ids = ids[:0]
		for _, email := range emails {
			if message := validateEmail(email); message != "" {
				return errors.New(message)
			}
			u, err := newUser(email, "Load Test", auth.Customer, clock.System())
			if err != nil {
				return err
			}
			if err := insertUser(ctx, tx, u, hash); err != nil {
				return fmt.Errorf("seed customer %s: %w", email, err)
			}
			ids = append(ids, u.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

func seedNew(ctx context.Context, db *database.DB, passwords *password.Hasher, email, secret string, role auth.Role) (uuid.UUID, error) {
	// Other staff have the name of the role.
	names := map[auth.Role]string{auth.Owner: "Souk Admin", auth.Customer: "Souk Customer"}
	u, err := newUser(email, cmp.Or(names[role], string(role)), role, clock.System())
	if err != nil {
		return uuid.Nil, err
	}
	hash, err := passwords.Hash(ctx, secret)
	if err != nil {
		return uuid.Nil, err
	}
	return u.ID, db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error { return insertUser(ctx, tx, u, hash) })
}
