package payment

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

// mustOpenFrom stores the payment of a new guest's order with sources: each guest has another
// checkout, which is the user.
func (f *fixture) mustOpenFrom(t *testing.T, sources ...uuid.UUID) order {
	t.Helper()
	o := f.newOrder(t)
	e := functiontest.NewEvent(t, "stock-reserved", map[string]any{
		"orderId": o.id, "userId": o.owner.UserID, "total": euros(total), "payment": "required", "sources": sources,
	})
	e.Time = f.now()
	f.Deliver(t, "payment-request", e).MustBe(t, http.StatusNoContent)
	return o
}

// mustDecline delivers the callback of a declined card.
func (f *fixture) mustDecline(t *testing.T, o order) {
	t.Helper()
	f.mustCall(t, uuid.NewString(), "payment_intent.payment_failed", f.paymentOf(t, o).ID)
}

// TestCardTesting tries stolen cards as a guest: with another checkout and e-mail address for each
// payment, or with another network.
func TestCardTesting(t *testing.T) {
	t.Parallel()
	settings := config.Environment{"PAYMENT_MAX_DECLINES": "5", "PAYMENT_MAX_DECLINES_PER_CUSTOMER": "7", "PAYMENT_MAX_DECLINES_PER_NETWORK": "12"}
	for name, test := range map[string]struct {
		sources func(shared uuid.UUID) []uuid.UUID
		limit   int
	}{
		"guests from one network are limited":        {func(shared uuid.UUID) []uuid.UUID { return []uuid.UUID{uuid.New(), shared} }, 12},
		"guests with one e-mail address are limited": {func(shared uuid.UUID) []uuid.UUID { return []uuid.UUID{shared, uuid.New()} }, 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, shared := open(t, settings), uuid.New()
			declined := 0
			for range 10 {
				o := f.mustOpenFrom(t, test.sources(shared)...)
				for f.mustGet(t, o).Status == Requested && declined < 50 {
					f.mustDecline(t, o)
					declined++
				}
			}
			if declined != test.limit {
				t.Errorf("%d cards were tried, want %d", declined, test.limit)
			}
			last := f.mustOpenFrom(t, test.sources(shared)...)
			if p := f.mustGet(t, last); p.Status != Declined || p.Failure != failureTooManyDeclines {
				t.Errorf("the next payment is %+v", p)
			}
			f.requireEvents(t, last, map[string]int{"payment-failed": 1})
			if p := f.mustGet(t, f.mustOpenFrom(t, uuid.New(), uuid.New())); p.Status != Requested {
				t.Errorf("a payment of another customer in another network is %+v", p)
			}
			f.advance(declinesWindow + time.Second)
			if got := f.bank.all(f.mustOpenFrom(t, test.sources(shared)...).id.String()); len(got) != 1 {
				t.Errorf("an hour later, the bank has %+v", got)
			}
		})
	}

	t.Run("payments that were opened before end, too", func(t *testing.T) {
		t.Parallel()
		f, network := open(t, settings), uuid.New()
		orders := make([]order, 20)
		for i := range orders {
			orders[i] = f.mustOpenFrom(t, uuid.New(), network)
		}
		var all sync.WaitGroup
		for _, o := range orders {
			all.Go(func() { f.mustDecline(t, o) })
		}
		all.Wait()
		for _, o := range orders { // those whose callbacks arrived together
			if f.mustGet(t, o).Status == Requested {
				f.mustDecline(t, o)
			}
		}
		for _, o := range orders {
			if state := f.paymentOf(t, o).State; state != provider.Voided {
				t.Errorf("after 20 declined cards a payment at the bank is %s", state)
			}
		}
	})
}

// TestSourcesAreDeleted checks that the sources of payments are stored for an hour, and those of a
// deleted account not at all.
func TestSourcesAreDeleted(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	account := f.newOrder(t).owner.UserID
	f.mustOpenFrom(t, account, uuid.New())
	f.mustOpenFrom(t, uuid.New(), uuid.New())
	mustHave := func(want int) {
		t.Helper()
		var got int
		if err := f.DB.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM payment_source`).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%d sources are stored, want %d", got, want)
		}
	}
	mustHave(4)
	f.Deliver(t, "payment-anonymize", functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": account})).MustBe(t, http.StatusNoContent)
	mustHave(3)
	f.mustRun(t, "payment-outbox")
	mustHave(3)
	f.advance(declinesWindow + time.Second)
	f.mustRun(t, "payment-outbox")
	mustHave(0)
}
