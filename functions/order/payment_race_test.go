package order_test

import (
	"database/sql"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
)

// TestUnpaidOrders checks what ends an order that waits for its payment, besides the payment.
func TestUnpaidOrders(t *testing.T) {
	t.Parallel()

	t.Run("it expires after ORDER_UNPAID_FOR since its stock was reserved, and not since it was placed", func(t *testing.T) {
		t.Parallel()
		s := openWithPayments(t)
		buyer := s.customer(t)
		cup := s.mustAddProduct(t, "Cup", 500)
		first := s.mustAwaitPayment(t, buyer, cup)
		late := s.mustPlace(t, buyer, fixtures.Item(cup, 1))
		paid := s.mustAwaitPayment(t, buyer, cup)
		s.authorize(t, paid.ID)
		s.advance(50 * time.Second)
		s.mustDeliverStock(t, "stock-reserved", late.ID, "")
		s.advance(20 * time.Second)
		s.expire(t)
		o := s.requirePath(t, buyer.token, first.ID, order.Pending, order.AwaitingPayment, order.Cancelled)
		if last := o.History[2]; last.Reason != "unpaid" || last.Actor != order.System {
			t.Errorf("the cancellation is %+v", last)
		}
		s.requirePath(t, buyer.token, late.ID, order.Pending, order.AwaitingPayment)
		s.requirePath(t, buyer.token, paid.ID, order.Pending, order.AwaitingPayment, order.Confirmed)
		s.advance(50 * time.Second)
		s.expire(t)
		s.requirePath(t, buyer.token, late.ID, order.Pending, order.AwaitingPayment, order.Cancelled)
	})

	t.Run("its customer cancels it, and a late authorization does not confirm it", func(t *testing.T) {
		t.Parallel()
		s := openWithPayments(t)
		buyer := s.customer(t)
		o := s.mustAwaitPayment(t, buyer, s.mustAddProduct(t, "Cup", 500))
		s.cancel(t, buyer.token, o.ID).MustBe(t, http.StatusOK)
		s.authorize(t, o.ID)
		s.requirePath(t, buyer.token, o.ID, order.Pending, order.AwaitingPayment, order.Cancelled)
	})

	t.Run("its customer's account is deleted, and the event of its cancellation has the payment", func(t *testing.T) {
		t.Parallel()
		s := openWithPayments(t)
		buyer := s.customer(t)
		o := s.mustAwaitPayment(t, buyer, s.mustAddProduct(t, "Cup", 500))
		s.mustDeleteUser(t, buyer.UserID)
		s.authorize(t, o.ID)
		after := s.mustGet(t, s.Tokens.Admin(t), o.ID)
		if diff := cmp.Diff([]order.Status{order.Pending, order.AwaitingPayment, order.Cancelled}, path(after)); diff != "" || after.UserID != uuid.Nil {
			t.Errorf("user %s, statuses (-want +got):\n%s", after.UserID, diff)
		}
		events := s.published(t, "order-cancelled", o.ID)
		if len(events) != 1 || events[0].Payment != order.PaymentRequired || events[0].UserID != uuid.Nil || events[0].Reason != "account_deleted" {
			t.Errorf("published %+v", events)
		}
		s.requireErased(t, buyer.UserID)
	})

	t.Run("it counts as an open order of its customer", func(t *testing.T) {
		t.Parallel()
		s := openWithPayments(t)
		buyer := s.customer(t)
		cup := s.mustAddProduct(t, "Cup", 500)
		o := s.mustPlace(t, buyer, fixtures.Item(cup, 999))
		s.mustDeliverStock(t, "stock-reserved", o.ID, "")
		s.place(t, buyer, fixtures.Item(cup, 2)).MustBeProblem(t, http.StatusConflict, "quantity_limit_reached")
		s.cancel(t, buyer.token, o.ID).MustBe(t, http.StatusOK)
		s.place(t, buyer, fixtures.Item(cup, 2)).MustBe(t, http.StatusCreated)
	})
}

// rival is an end of an order that waits for its payment, which competes with the payment.
type rival struct {
	name string
	run  func(t *testing.T, s paidService, buyer customer, o order.Order)
	// afterPayment are the statuses that follow if the payment wins.
	afterPayment []order.Status
}

var rivals = []rival{
	{"a cancellation", func(t *testing.T, s paidService, buyer customer, o order.Order) {
		t.Helper()
		s.cancel(t, buyer.token, o.ID).MustBe(t, http.StatusOK)
	}, []order.Status{order.Confirmed, order.Cancelled}},
	{"the expiry", func(t *testing.T, s paidService, _ customer, _ order.Order) {
		t.Helper()
		s.advance(2 * time.Minute)
		s.expire(t)
	}, []order.Status{order.Confirmed}},
	{"the deletion of the account", func(t *testing.T, s paidService, buyer customer, _ order.Order) {
		t.Helper()
		s.mustDeleteUser(t, buyer.UserID)
	}, []order.Status{order.Confirmed, order.Cancelled}},
}

// TestPaymentRaces checks that an order whose payment is authorized while it is cancelled, expires or
// loses its customer's account is either confirmed, or cancelled with an event by which its payment
// is voided. Each wins once in sequence, and both compete for the order's row.
func TestPaymentRaces(t *testing.T) {
	t.Parallel()
	for _, r := range rivals {
		t.Run("with "+r.name, func(t *testing.T) {
			t.Parallel()
			s := openWithPayments(t)
			cup := s.mustAddProduct(t, "Cup", 500)
			waited := []order.Status{order.Pending, order.AwaitingPayment}
			paid, lost := slices.Concat(waited, r.afterPayment), slices.Concat(waited, []order.Status{order.Cancelled})
			for _, paymentFirst := range []bool{true, false} {
				buyer := s.customer(t)
				o := s.mustAwaitPayment(t, buyer, cup)
				steps := []func(){func() { s.authorize(t, o.ID) }, func() { r.run(t, s, buyer, o) }}
				want := paid
				if !paymentFirst {
					slices.Reverse(steps)
					want = lost
				}
				for _, step := range steps {
					step()
				}
				if got := s.outcome(t, o.ID); !slices.Equal(got, want) {
					t.Errorf("payment first: %t: got %v, want %v", paymentFirst, got, want)
				}
			}
			wins := map[bool]int{}
			for round := range 12 {
				buyer := s.customer(t)
				o := s.mustAwaitPayment(t, buyer, cup)
				steps := []func(){func() { s.authorize(t, o.ID) }, func() { r.run(t, s, buyer, o) }}
				if round%2 == 1 {
					slices.Reverse(steps)
				}
				s.compete(t, o.ID, steps...)
				got := s.outcome(t, o.ID)
				if !slices.Equal(got, paid) && !slices.Equal(got, lost) {
					t.Errorf("round %d: got %v, want %v or %v", round, got, paid, lost)
				}
				wins[slices.Equal(got, paid)]++
			}
			t.Logf("the payment won %d times, and lost %d times", wins[true], wins[false])
		})
	}
}

// The expiry skips locked orders, so that it wins none of the rounds above: here it runs while many
// payments are authorized.
func TestPaymentsWhileOrdersExpire(t *testing.T) {
	t.Parallel()
	s := openWithPayments(t)
	buyer := s.customer(t)
	cup := s.mustAddProduct(t, "Cup", 5)
	var ids []uuid.UUID
	for range 120 {
		ids = append(ids, s.mustAwaitPayment(t, buyer, cup).ID)
	}
	s.advance(2 * time.Minute)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { s.expire(t) })
	}
	for _, id := range ids {
		all.Go(func() { s.authorize(t, id) })
	}
	all.Wait()
	s.expire(t) // orders that a run skipped
	counts := map[order.Status]int{}
	for _, id := range ids {
		got := s.outcome(t, id)
		if len(got) != 3 || got[2] != order.Confirmed && got[2] != order.Cancelled {
			t.Fatalf("an order was %v", got)
		}
		counts[got[2]]++
	}
	t.Logf("orders by status: %v", counts)
}

// outcome returns an order's statuses. It fails the test unless each published one has one event
// with the attribute of a payment.
func (s testService) outcome(t *testing.T, id uuid.UUID) []order.Status {
	t.Helper()
	got := path(s.mustGet(t, s.Tokens.Admin(t), id))
	for _, status := range []order.Status{order.Confirmed, order.Cancelled} {
		want, events := 0, 0
		if slices.Contains(got, status) {
			want = 1
		}
		for _, e := range s.Published.Events("order-" + string(status)) {
			if e.AggregateID == id && e.Attributes()["payment"] == "required" {
				events++
			}
		}
		if events != want {
			t.Errorf("an order that was %v has %d events order-%s", got, events, status)
		}
	}
	return got
}

// compete runs steps while the order's row is locked, in the order in which they get to it, and
// then unlocks it: each has begun, or is done, before any of them gets the row.
func (s testService) compete(t *testing.T, id uuid.UUID, steps ...func()) {
	t.Helper()
	tx, err := s.DB.SQL().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), `UPDATE orders SET version = version WHERE id = ?`, id[:]); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	waiting := 0
	for _, step := range steps {
		done := make(chan struct{})
		all.Go(func() {
			defer close(done)
			step()
		})
		for begun := false; !begun; {
			select {
			case <-done: // it does not wait for the lock
				begun = true
			default:
				if s.countWaiting(t, tx) > waiting {
					begun, waiting = true, waiting+1
				}
				runtime.Gosched()
			}
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
}

// countWaiting returns how many locking statements run in the test's database.
func (s testService) countWaiting(t *testing.T, tx *sql.Tx) (n int) {
	t.Helper()
	err := tx.QueryRowContext(t.Context(), `
		SELECT COUNT(*)
		FROM information_schema.processlist
		WHERE db = DATABASE() AND id <> CONNECTION_ID() AND info LIKE '%FOR UPDATE'`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
