package user

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/dbtest"
	"souk/shared/trail"
)

func TestFirstAdmin(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations, trail.Migrations)
	mustRegister := func(email string) uuid.UUID {
		t.Helper()
		id, err := Seed(t.Context(), db, email, "seven green lanterns", auth.Customer)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	mustBe := func(id uuid.UUID, role auth.Role, version int64) {
		t.Helper()
		if u, err := selectUser(t.Context(), db, id); err != nil || u.Role != role || u.Version != version {
			t.Errorf("got %+v, %v; want role %s, version %d", u, err, role, version)
		}
	}
	amira, ben := mustRegister("amira@example.com"), mustRegister("ben@example.com")

	if _, err := FirstAdmin(t.Context(), db, "missing@example.com"); !errors.Is(err, ErrNoAccount) {
		t.Errorf("an address without an account: got %v", err)
	}
	for range 2 { // the second call changes nothing
		id, err := FirstAdmin(t.Context(), db, " Amira@Example.com")
		if err != nil || id != amira {
			t.Fatalf("got %s, %v; want %s", id, err, amira)
		}
		mustBe(amira, auth.Owner, 2)
	}
	if _, err := FirstAdmin(t.Context(), db, "ben@example.com"); !errors.Is(err, ErrHasOwner) {
		t.Errorf("a second owner: got %v", err)
	}
	mustBe(ben, auth.Customer, 1)
}
