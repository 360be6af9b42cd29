package order

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/emailaddress"
	"souk/shared/event"
)

// newGuestOrder returns a new order of a guest.
func newGuestOrder(f *batchFixture, email string) *Order {
	o := &Order{
		ID: uuid.Must(uuid.NewV7()), UserID: uuid.New(), Status: Pending, Payment: PaymentRequired, Version: 1, CreatedAt: f.Now(), UpdatedAt: f.Now(),
		Contact: Contact{Email: email, Name: "Amira Haddad"}, mailbox: emailaddress.ID(email), History: []HistoryEntry{{Status: Pending, At: f.Now(), Actor: Customer}},
		Items: []Item{{ProductID: f.products[0], Name: "Product", Quantity: 1}},
	}
	o.Total.Currency = "EUR"
	return o
}

// mustPlaceAsGuest stores an order of a guest and returns it.
func (f *batchFixture) mustPlaceAsGuest(t *testing.T, email string) *Order {
	t.Helper()
	o := newGuestOrder(f, email)
	f.mustInTx(t, func(ctx context.Context, tx *database.Tx) error {
		return insertOrders(ctx, tx, []*placement{{order: o, context: ctx}})
	})
	return o
}

func (f *batchFixture) mustAdopt(t *testing.T, account uuid.UUID, email string) {
	t.Helper()
	f.mustInTx(t, func(ctx context.Context, tx *database.Tx) error {
		return f.adopt(ctx, tx, event.Event{}, emailConfirmed{UserID: account, EmailID: emailaddress.ID(email)})
	})
}

// requireOwner fails the test unless an order belongs to an owner, and has the contact of a guest
// if and only if that is the guest.
func (f *batchFixture) requireOwner(t *testing.T, o *Order, owner uuid.UUID) {
	t.Helper()
	stored, err := selectOrder(t.Context(), f.DB, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	if isGuest := owner == o.UserID; stored.UserID != owner || (stored.Email != "") != isGuest || (stored.Name != "") != isGuest {
		t.Errorf("the order of %q %q belongs to %s, want %s", stored.Email, stored.Name, stored.UserID, owner)
	}
	want := o.Version
	if owner != o.UserID {
		want++
	}
	if stored.Version != want {
		t.Errorf("the order has version %d, want %d", stored.Version, want)
	}
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	f := openBatch(t, 1)
	account := uuid.New()
	first, second := f.mustPlaceAsGuest(t, "ada@example.com"), f.mustPlaceAsGuest(t, " Ada@Example.COM")
	others := []*Order{
		f.mustPlaceAsGuest(t, "ada@example.org"), f.mustPlaceAsGuest(t, "ada@example.co"), f.mustPlaceAsGuest(t, "bada@example.com"),
		f.mustPlaceAsGuest(t, "ada+1@example.com"),
	}
	for range 2 {
		f.mustAdopt(t, account, "ADA@example.com")
		for _, o := range []*Order{first, second} {
			f.requireOwner(t, o, account)
		}
		for _, o := range others {
			f.requireOwner(t, o, o.UserID)
		}
	}
	var adopted []uuid.UUID
	for _, e := range f.published.Events("order-adopted") {
		adopted = append(adopted, e.AggregateID)
		if e.Extra["payment"] != "required" {
			t.Errorf("order-adopted has the attributes %v, want payment: the payment service filters by it", e.Extra)
		}
	}
	if !slices.Equal(adopted, []uuid.UUID{first.ID, second.ID}) {
		t.Errorf("order-adopted was published for %v, want once for %s and %s", adopted, first.ID, second.ID)
	}
	later := f.mustPlaceAsGuest(t, "ada@example.com")
	f.requireOwner(t, later, later.UserID)

	t.Run("a deleted account adopts nothing, also by an event that is replayed two weeks later", func(t *testing.T) {
		t.Parallel()
		o := f.mustPlaceAsGuest(t, "eve@example.com")
		f.mustAdopt(t, f.customers[1], "eve@example.com")
		f.requireOwner(t, o, o.UserID)
		f.mustInTx(t, func(ctx context.Context, tx *database.Tx) error {
			return markDeleted(ctx, tx, f.customers[1], f.Now().Add(-14*24*time.Hour))
		})
		if err := f.pruneDeletedCustomers(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.mustAdopt(t, f.customers[1], "eve@example.com")
		f.requireOwner(t, o, o.UserID)
	})
}

// TestAdoptRaces adopts orders while others are placed with the address, and while the account is
// deleted: an order belongs to the guest, the account or, after its deletion, to no one, and nothing of a deleted
// account remains.
func TestAdoptRaces(t *testing.T) {
	t.Parallel()
	f := openBatch(t, 1)
	for range 10 {
		account, email := uuid.New(), uuid.NewString()+"@example.com"
		var all sync.WaitGroup
		orders := make(chan *Order, 8)
		for range cap(orders) {
			all.Go(func() { orders <- f.mustPlaceAsGuest(t, email) })
		}
		for range 3 {
			all.Go(func() { f.mustAdopt(t, account, email) })
		}
		all.Go(func() {
			f.mustInTx(t, func(ctx context.Context, tx *database.Tx) error {
				return f.anonymize(ctx, tx, event.Event{}, userDeleted{UserID: account})
			})
		})
		all.Wait()
		close(orders)
		for o := range orders {
			stored, err := selectOrder(t.Context(), f.DB, o.ID)
			if err != nil {
				t.Fatal(err)
			}
			if stored.UserID != o.UserID && stored.UserID != anonymousUser {
				t.Errorf("an order of a deleted account belongs to %s", stored.UserID)
			}
			if (stored.Email != "") != (stored.UserID == o.UserID) {
				t.Errorf("the order of %s has the e-mail address %q", stored.UserID, stored.Email)
			}
		}
	}
}
