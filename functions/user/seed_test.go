package user

import (
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/user/internal/password/passwordhash"
	"souk/shared/auth"
	"souk/shared/dbtest"
)

func TestSeed(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	mustSeed := func(password string, role auth.Role) uuid.UUID {
		t.Helper()
		id, err := Seed(t.Context(), db, "admin@souk.local", password, role)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	mustBe := func(id uuid.UUID, password string, role auth.Role, version int64) {
		t.Helper()
		u, err := selectUser(t.Context(), db, id)
		if err != nil || u.Role != role || u.Version != version {
			t.Fatalf("got %+v, %v; want role %s, version %d", u, err, role, version)
		}
		c, err := selectCredentials(t.Context(), db, "admin@souk.local")
		if err != nil || c.UserID != id {
			t.Fatalf("got %v, %v; want user %s", c.UserID, err, id)
		}
		if same, _, err := passwordhash.Check(password, c.PasswordHash); err != nil || !same {
			t.Fatalf("the password is wrong (%v)", err)
		}
	}

	id := mustSeed("first password", auth.Customer)
	mustBe(id, "first password", auth.Customer, 1)
	if again := mustSeed("first password", auth.Customer); again != id {
		t.Fatalf("got another user, %s, want %s", again, id)
	}
	mustBe(id, "first password", auth.Customer, 1)
	mustSeed("second password", auth.Customer)
	mustBe(id, "second password", auth.Customer, 2)
	mustSeed("second password", auth.Owner)
	mustBe(id, "second password", auth.Owner, 3)

	if _, err := Seed(t.Context(), db, "no address", "first password", auth.Owner); err == nil {
		t.Error("seeded an account with an invalid address")
	}
	if _, err := Seed(t.Context(), db, "root@souk.local", "first password", "Root"); err == nil {
		t.Error("seeded an account with an unknown role")
	}
}

func TestSeedCustomers(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	emails := []string{"load-1@souk.test", "load-2@souk.test"}
	ids, err := SeedCustomers(t.Context(), db, emails)
	if err != nil || len(ids) != len(emails) {
		t.Fatalf("got %v, %v; want %d users", ids, err, len(emails))
	}
	for i, id := range ids {
		u, err := selectUser(t.Context(), db, id)
		if err != nil || u.Role != auth.Customer || u.Email != emails[i] {
			t.Errorf("got %+v, %v; want the customer %s", u, err, emails[i])
		}
	}
	if _, err := SeedCustomers(t.Context(), db, []string{"load-3@souk.test", "no address"}); err == nil {
		t.Error("seeded an account with an invalid address")
	}
	if _, err := selectCredentials(t.Context(), db, "load-3@souk.test"); err == nil {
		t.Error("a failed call seeded a part of its accounts")
	}
}

func TestSeedConcurrently(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	ids := make([]uuid.UUID, 4)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			id, err := Seed(t.Context(), db, "admin@souk.local", fixtures.Password, auth.Owner)
			if err != nil {
				t.Error(err)
			}
			ids[i] = id
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] || id == uuid.Nil {
			t.Fatalf("got %v, want the same user", ids)
		}
	}
}
