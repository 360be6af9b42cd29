package payment

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function/functiontest"
)

// TestEventsAfterDeletion delivers the events that name a customer in every order with user-deleted,
// and all at the same time: nothing of a deleted customer remains.
func TestEventsAfterDeletion(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	deliveries := func(t *testing.T) (o order, send map[string]func()) {
		t.Helper()
		o = f.newOrder(t)
		guest := order{id: o.id}
		guest.owner.UserID = uuid.New()
		placed, _, _ := placedPayload(t, guest)
		events := map[string]event.Event{
			"invoice-draft":     newEventAt(t, "order-placed", placed, f.now()),
			"payment-request":   f.newEvent(t, "stock-reserved", o),
			"payment-void":      f.newEvent(t, "order-cancelled", o),
			"payment-adopt":     functiontest.NewEvent(t, "order-adopted", map[string]any{"orderId": o.id, "userId": o.owner.UserID, "payment": paymentRequired}),
			"payment-anonymize": functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": o.owner.UserID}),
		}
		send = map[string]func(){}
		for name, e := range events {
			send[name] = func() {
				for f.DeliverUnchecked(t, name, e).Status != http.StatusNoContent && t.Context().Err() == nil {
					// payment-adopt waits for the copy of the order.
					f.DeliverUnchecked(t, "invoice-draft", events["invoice-draft"])
				}
			}
		}
		return o, send
	}
	t.Run("one after the other", func(t *testing.T) {
		t.Parallel()
		for _, last := range []string{"payment-request", "payment-void", "payment-adopt"} {
			o, send := deliveries(t)
			late := send[last]
			delete(send, last)
			for _, name := range slices.Sorted(maps.Keys(send)) {
				send[name]()
			}
			send["payment-anonymize"]()
			late()
			f.requireForgotten(t, last+" is last", o)
		}
	})
	t.Run("at the same time", func(t *testing.T) {
		t.Parallel()
		for range 15 {
			o, send := deliveries(t)
			var all sync.WaitGroup
			for _, deliver := range send {
				all.Go(deliver)
			}
			all.Wait()
			f.requireForgotten(t, "at the same time", o)
		}
	})
	t.Run("an order is drafted late", func(t *testing.T) {
		t.Parallel()
		o := f.newOrder(t)
		f.Deliver(t, "payment-anonymize", functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": o.owner.UserID})).MustBe(t, http.StatusNoContent)
		f.mustDraft(t, o)
		f.requireForgotten(t, "drafted late", o)
	})
}

// requireForgotten requires that the payment and the copy of an order name neither the customer nor the
// addresses.
func (f *fixture) requireForgotten(t *testing.T, when string, o order) {
	t.Helper()
	err := f.DB.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		p, err := lockPayment(ctx, tx, o.id)
		if err == nil && p.userID != anonymousUser {
			t.Errorf("%s: the payment is of %s", when, p.userID)
		}
		stored, err := selectOrderCopy(ctx, tx, o.id)
		if err != nil {
			return err
		}
		if stored.UserID != anonymousUser || stored.Email != "" || stored.Name != "" || stored.BillingAddress != nil {
			t.Errorf("%s: the copy of the order is of %s, %q, %q", when, stored.UserID, stored.Email, stored.Name)
		}
		return nil
	})
	if err != nil {
		t.Errorf("%s: %v", when, err)
	}
}

func TestPruneDeletedCustomers(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	o := f.newOrder(t)
	f.Deliver(t, "payment-anonymize", functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": o.owner.UserID})).MustBe(t, http.StatusNoContent)
	count := func() int64 {
		n, err := database.Get(t.Context(), f.DB, database.ScanColumn[int64], `SELECT COUNT(*) FROM deleted_customer`)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	f.advance(deletedCustomerRetention - time.Minute)
	f.mustPruneDeletedCustomers(t)
	if n := count(); n != 1 {
		t.Errorf("%d customers before the end of the retention, want 1", n)
	}
	f.advance(2 * time.Minute)
	f.mustPruneDeletedCustomers(t)
	if n := count(); n != 0 {
		t.Errorf("%d customers after the retention", n)
	}
}

func (f *fixture) mustPruneDeletedCustomers(t *testing.T) {
	t.Helper()
	if err := f.service.pruneDeletedCustomers(t.Context()); err != nil {
		t.Fatal(err)
	}
}
