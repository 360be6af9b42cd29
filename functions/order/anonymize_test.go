package order_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/order"
	"souk/shared/database"
	"souk/shared/function/functiontest"
)

// deleted is the event that an account was deleted.
func (d desk) deleted(t *testing.T, id uuid.UUID) functiontest.Response {
	t.Helper()
	return d.Deliver(t, "order-anonymize", functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": id}))
}

func (d desk) mustDelete(t *testing.T, id uuid.UUID) {
	t.Helper()
	d.deleted(t, id).MustBe(t, http.StatusNoContent)
}

func (d desk) sweep(t *testing.T) {
	t.Helper()
	d.Deliver(t, "order-outbox", functiontest.NewEvent(t, "order-outbox", map[string]any{})).MustBe(t, http.StatusNoContent)
}

// mustCount returns the number that a SELECT COUNT(*) finds.
func (d desk) mustCount(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	if err := d.DB.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// mustHoldNothing fails the test when the service still knows a customer by
// anything but the note that the account was deleted.
func (d desk) mustHoldNothing(t *testing.T, of uuid.UUID) {
	t.Helper()
	for _, query := range []string{
		`SELECT COUNT(*) FROM orders WHERE user_id = ?`,
		`SELECT COUNT(*) FROM order_history WHERE actor_id = ?`,
		`SELECT COUNT(*) FROM idempotency_key WHERE caller = ?`,
		`SELECT COUNT(*) FROM customer WHERE user_id = ? AND deleted_at IS NULL`,
	} {
		if n := d.mustCount(t, query, of[:]); n != 0 {
			t.Errorf("%s finds %d rows", query, n)
		}
	}
}

// mustSend places an order with an address.
func (d desk) mustSend(t *testing.T, by customer, items ...map[string]any) order.Order {
	t.Helper()
	var o order.Order
	d.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: by.token, Body: map[string]any{
		"items": items,
		"shippingAddress": map[string]any{
			"name": "Ada Lovelace", "line1": "12 Market Street", "postalCode": "10115", "city": "Berlin", "country": "DE",
		},
	}}).MustBe(t, http.StatusCreated).Into(t, &o)
	return o
}

// ends bring a pending order to each state there is.
func (d desk) ends(t *testing.T, owner customer) map[order.Status]func(order.Order) {
	t.Helper()
	admin := d.Tokens.Admin(t)
	return map[order.Status]func(order.Order){
		order.Pending:   func(order.Order) {},
		order.Confirmed: func(o order.Order) { d.mustHear(t, "stock-reserved", o.ID, "") },
		order.Rejected:  func(o order.Order) { d.mustHear(t, "stock-rejected", o.ID, "insufficient_stock") },
		order.Cancelled: func(o order.Order) {
			d.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + o.ID.String() + "/cancel", Token: owner.token,
				Body: map[string]any{"reason": "Ada Lovelace is in Rome"}}).MustBe(t, http.StatusOK)
		},
		order.Shipped: func(o order.Order) {
			d.mustHear(t, "stock-reserved", o.ID, "")
			d.move(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		},
		order.Delivered: func(o order.Order) {
			d.mustHear(t, "stock-reserved", o.ID, "")
			d.move(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
			d.move(t, admin, "deliver", o.ID).MustBe(t, http.StatusOK)
		},
	}
}

func TestAnonymize(t *testing.T) {
	t.Parallel()
	d := open(t)
	cup := d.mustKnow(t, "Cup", 500)
	admin := d.Tokens.Admin(t)

	t.Run("takes the person out of orders in every state, and leaves what was sold for how much", func(t *testing.T) {
		t.Parallel()
		someone, other := d.customer(t), d.customer(t)
		before := map[order.Status]order.Order{}
		for status, end := range d.ends(t, someone) {
			o := d.mustSend(t, someone, line(cup, 2))
			end(o)
			before[status] = o
		}
		others := d.mustSend(t, other, line(cup, 1))
		d.mustDelete(t, someone.UserID)
		for was, o := range before {
			d.mustBeNobodys(t, admin, o, was)
		}
		d.mustHoldNothing(t, someone.UserID)
		if got := d.mustGet(t, other.token, others.ID); got.UserID != other.UserID || got.ShippingAddress == nil || got.Status != order.Pending {
			t.Errorf("another's order is now %+v", got)
		}
	})

	t.Run("cancels what has not left the shop, and tells it without a name", func(t *testing.T) {
		t.Parallel()
		someone := d.customer(t)
		pending, confirmed := d.mustPlace(t, someone, line(cup, 1)), d.mustPlace(t, someone, line(cup, 1))
		d.mustHear(t, "stock-reserved", confirmed.ID, "")
		d.mustDelete(t, someone.UserID)
		d.mustHear(t, "stock-reserved", pending.ID, "") // which comes late
		for _, id := range []uuid.UUID{pending.ID, confirmed.ID} {
			o := d.mustGet(t, admin, id)
			if last := o.History[len(o.History)-1]; o.Status != order.Cancelled || last.Reason != "account_deleted" || last.Actor != order.System {
				t.Errorf("the order is %+v", o)
			}
			if told := d.told(t, "order-cancelled", id); len(told) != 1 || told[0].UserID != uuid.Nil {
				t.Errorf("order-cancelled was told %+v", told)
			}
		}
	})

	t.Run("changes nothing the second time, under the same event's id or another's", func(t *testing.T) {
		t.Parallel()
		someone := d.customer(t)
		o := d.mustSend(t, someone, line(cup, 1))
		e := functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": someone.UserID})
		d.Deliver(t, "order-anonymize", e).MustBe(t, http.StatusNoContent)
		first := d.mustGet(t, admin, o.ID)
		d.Deliver(t, "order-anonymize", e).MustBe(t, http.StatusNoContent)
		d.mustDelete(t, someone.UserID)
		if again := d.mustGet(t, admin, o.ID); again.Version != first.Version || len(again.History) != len(first.History) {
			t.Errorf("the order was %+v and is %+v", first, again)
		}
		if told := d.told(t, "order-cancelled", o.ID); len(told) != 1 {
			t.Errorf("order-cancelled was told %d times", len(told))
		}
	})

	t.Run("refuses the orders of a token that outlived its account, also of who never ordered", func(t *testing.T) {
		t.Parallel()
		someone := d.customer(t)
		d.mustDelete(t, someone.UserID)
		d.place(t, someone, line(cup, 1)).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		d.mustHoldNothing(t, someone.UserID)
	})

	t.Run("fails for an event that names nobody, for orders of nobody are those of all who left", func(t *testing.T) {
		t.Parallel()
		d.deleted(t, uuid.Nil).MustBe(t, http.StatusInternalServerError)
		d.DeliverUnchecked(t, "order-anonymize", functiontest.NewEvent(t, "user-deleted", map[string]any{})).MustBe(t, http.StatusInternalServerError)
	})

	t.Run("is for Pub/Sub alone", func(t *testing.T) {
		t.Parallel()
		d.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/order-anonymize", Token: admin, Body: "{}"}).
			MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}

// mustBeNobodys fails the test unless an order is as it was, without its owner.
func (d desk) mustBeNobodys(t *testing.T, admin string, was order.Order, status order.Status) {
	t.Helper()
	o := d.mustGet(t, admin, was.ID)
	want := status
	if status == order.Pending || status == order.Confirmed {
		want = order.Cancelled
	}
	if o.UserID != uuid.Nil || o.ShippingAddress != nil || o.Status != want {
		t.Errorf("the order that was %s is %+v", status, o)
	}
	if o.Total != was.Total || len(o.Items) != 1 || o.Items[0] != was.Items[0] {
		t.Errorf("it sold %+v for %v, and now %+v for %v", was.Items, was.Total, o.Items, o.Total)
	}
	if o.Version <= was.Version {
		t.Errorf("it has version %d still: caches would show the address", o.Version)
	}
	for _, move := range o.History {
		if strings.Contains(move.Reason, "Ada") {
			t.Errorf("the history says %q", move.Reason)
		}
	}
	if last := o.History[len(o.History)-1]; status == order.Cancelled && last.Reason != "by_customer" {
		t.Errorf("the cancellation's reason is %q, want by_customer", last.Reason)
	}
}

// An order that is placed while its customer's account goes is refused, or it is
// cancelled and nobody's; so is one that another function moves at that moment.
func TestAnonymizeRaces(t *testing.T) {
	t.Parallel()
	d := open(t)
	cup := d.mustKnow(t, "Cup", 500)
	admin := d.Tokens.Admin(t)

	t.Run("with orders being placed", func(t *testing.T) {
		t.Parallel()
		taken, refused := 0, 0
		for range 10 {
			someone := d.customer(t)
			answers, some := make(chan functiontest.Response, 24), make(chan struct{})
			var all sync.WaitGroup
			var placed atomic.Int32
			for range cap(answers) {
				all.Go(func() {
					answer := d.place(t, someone, line(cup, 1))
					for answer.Status == http.StatusServiceUnavailable { // no connection in time: no effect
						answer = d.place(t, someone, line(cup, 1))
					}
					answers <- answer
					if placed.Add(1) == 4 {
						close(some)
					}
				})
			}
			all.Go(func() {
				<-some
				d.mustDelete(t, someone.UserID)
			})
			all.Wait()
			close(answers)
			for answer := range answers {
				if answer.Status != http.StatusCreated {
					answer.MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
					refused++
					continue
				}
				taken++
				var o order.Order
				answer.Into(t, &o)
				d.mustBeNobodys(t, admin, o, order.Pending)
			}
			d.mustHoldNothing(t, someone.UserID)
		}
		t.Logf("%d orders were taken and anonymized, %d refused", taken, refused)
	})

	t.Run("with an order being confirmed and shipped", func(t *testing.T) {
		t.Parallel()
		for range 10 {
			someone := d.customer(t)
			o := d.mustSend(t, someone, line(cup, 1))
			d.mustHear(t, "stock-reserved", o.ID, "")
			var all sync.WaitGroup
			var shipped functiontest.Response
			all.Go(func() { d.mustDelete(t, someone.UserID) })
			all.Go(func() { shipped = d.move(t, admin, "ship", o.ID) })
			all.Wait()
			status := order.Shipped
			if shipped.Status != http.StatusOK {
				shipped.MustBeProblem(t, http.StatusConflict, "order_not_shippable")
				status = order.Cancelled
			}
			got := d.mustGet(t, admin, o.ID)
			if got.Status != status || got.UserID != uuid.Nil || got.ShippingAddress != nil {
				t.Errorf("the order is %+v, want it %s and nobody's", got, status)
			}
			d.mustHoldNothing(t, someone.UserID)
		}
	})
}

// However much somebody bought, one event is enough.
func TestAnonymizeThousands(t *testing.T) {
	t.Parallel()
	d := open(t)
	someone := d.customer(t)
	insertOrders(t, d.DB, someone.UserID)
	open := d.mustCount(t, `SELECT COUNT(*) FROM orders WHERE status = 'confirmed'`)
	begin := time.Now()
	d.mustDelete(t, someone.UserID)
	t.Logf("16,384 orders, %d of them open, took %s", open, time.Since(begin))
	d.mustHoldNothing(t, someone.UserID)
	if n := d.mustCount(t, `SELECT SUM(shipping_address IS NOT NULL OR status = 'confirmed') FROM orders`); n != 0 {
		t.Errorf("%d orders hold an address still, or are open", n)
	}
}

// insertOrders gives somebody 16,384 orders, one in a hundred confirmed and the
// others delivered.
func insertOrders(t *testing.T, db *database.DB, of uuid.UUID) {
	t.Helper()
	const id = `UNHEX(CONCAT(LPAD(HEX(1700000000000 + n), 12, '0'), '7', LEFT(SHA2(n, 256), 19)))`
	must := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	must(`CREATE TABLE numbers (n INT PRIMARY KEY)`)
	must(`INSERT INTO numbers VALUES (0)`)
	for n := 1; n < 16_384; n *= 2 {
		must(`INSERT INTO numbers SELECT n + ? FROM numbers`, n)
	}
	must(`INSERT INTO orders (id, user_id, status, total_amount, total_currency, shipping_address, version, created_at, updated_at)
		SELECT `+id+`, ?, IF(n % 100 = 0, 'confirmed', 'delivered'), 100, 'EUR', '{}', 3, '2024-01-01', '2024-01-01' FROM numbers`, of[:])
	must(`INSERT INTO order_item SELECT ` + id + `, 0, UNHEX(LEFT(SHA2(n % 4096, 256), 32)), 'Cup', 100, 1 FROM numbers`)
	must(`INSERT INTO order_history (order_id, version, status, moved_at, reason, actor, actor_id)
		SELECT `+id+`, 1, 'pending', '2024-01-01', '', 'customer', ? FROM numbers`, of[:])
}

func TestDeletedCustomersAreForgotten(t *testing.T) {
	t.Parallel()
	d := open(t)
	long, lately, never := d.customer(t), d.customer(t), d.customer(t)
	d.mustPlace(t, never, line(d.mustKnow(t, "Cup", 500), 1))
	d.mustDelete(t, long.UserID)
	d.mustDelete(t, lately.UserID)
	if _, err := d.DB.ExecContext(t.Context(), `UPDATE customer SET deleted_at = ? WHERE user_id = ?`,
		time.Now().UTC().Add(-25*time.Hour), long.UserID[:]); err != nil {
		t.Fatal(err)
	}
	d.sweep(t)
	for who, want := range map[uuid.UUID]int{long.UserID: 0, lately.UserID: 1, never.UserID: 1} {
		if got := d.mustCount(t, `SELECT COUNT(*) FROM customer WHERE user_id = ?`, who[:]); got != want {
			t.Errorf("a customer has %d rows, want %d", got, want)
		}
	}
}
