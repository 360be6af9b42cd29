package order_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/database"
	"souk/shared/function/functiontest"
)

// deliverUserDeleted delivers a user-deleted event.
func (s testService) deliverUserDeleted(t *testing.T, id uuid.UUID) functiontest.Response {
	t.Helper()
	return s.Deliver(t, "order-anonymize", functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": id}))
}

func (s testService) mustDeleteUser(t *testing.T, id uuid.UUID) {
	t.Helper()
	s.deliverUserDeleted(t, id).MustBe(t, http.StatusNoContent)
}

func (s testService) sweep(t *testing.T) {
	t.Helper()
	s.Deliver(t, "order-outbox", functiontest.NewEvent(t, "order-outbox", map[string]any{})).MustBe(t, http.StatusNoContent)
}

// mustCount returns the number that a SELECT COUNT(*) finds.
func (s testService) mustCount(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	if err := s.DB.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// requireErased fails the test if the service stores any data of a customer except that
// the account was deleted.
func (s testService) requireErased(t *testing.T, userID uuid.UUID) {
	t.Helper()
	for _, query := range []string{
		`SELECT COUNT(*) FROM orders WHERE user_id = ?`,
		`SELECT COUNT(*) FROM order_history WHERE actor_id = ?`,
		`SELECT COUNT(*) FROM idempotency_key WHERE caller = ?`,
		`SELECT COUNT(*) FROM customer WHERE user_id = ? AND deleted_at IS NULL`,
	} {
		if n := s.mustCount(t, query, userID[:]); n != 0 {
			t.Errorf("%s finds %d rows", query, n)
		}
	}
}

// mustPlaceWithAddress places an order with an address.
func (s testService) mustPlaceWithAddress(t *testing.T, by customer, items ...map[string]any) order.Order {
	t.Helper()
	var o order.Order
	body := fixtures.Order(items...)
	body["shippingAddress"] = fixtures.ShortAddress("Ada Lovelace")
	s.Do(t, fixtures.PlaceOrder(by.token, body)).MustBe(t, http.StatusCreated).Into(t, &o)
	return o
}

// transitions returns functions that bring a pending order to each status.
func (s testService) transitions(t *testing.T, owner customer) map[order.Status]func(order.Order) {
	t.Helper()
	admin := s.Tokens.Admin(t)
	return map[order.Status]func(order.Order){
		order.Pending:   func(order.Order) {},
		order.Confirmed: func(o order.Order) { s.mustDeliverStock(t, "stock-reserved", o.ID, "") },
		order.Rejected:  func(o order.Order) { s.mustDeliverStock(t, "stock-rejected", o.ID, "insufficient_stock") },
		order.Cancelled: func(o order.Order) {
			s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + o.ID.String() + "/cancel", Token: owner.token,
				Body: map[string]any{"reason": "Ada Lovelace is in Rome"}}).MustBe(t, http.StatusOK)
		},
		order.PartiallyShipped: func(o order.Order) {
			s.mustDeliverStock(t, "stock-reserved", o.ID, "")
			s.createShipment(t, admin, o.ID, fixtures.Object{"lines": []any{fixtures.Item(o.Items[0].ProductID, 1)}, "trackingNumber": "ADA-1"}).MustBe(t, http.StatusCreated)
		},
		order.Shipped: func(o order.Order) {
			s.mustDeliverStock(t, "stock-reserved", o.ID, "")
			s.createShipment(t, admin, o.ID, fixtures.Object{"trackingUrl": "https://carrier.example/ADA-2"}).MustBe(t, http.StatusCreated)
		},
		order.Delivered: func(o order.Order) {
			s.mustDeliverStock(t, "stock-reserved", o.ID, "")
			s.requestStatus(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
			s.requestStatus(t, admin, "deliver", o.ID).MustBe(t, http.StatusOK)
		},
	}
}

func TestAnonymize(t *testing.T) {
	t.Parallel()
	s := open(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	admin := s.Tokens.Admin(t)

	t.Run("personal data is removed from orders in every status, and items and prices remain", func(t *testing.T) {
		t.Parallel()
		buyer, other := s.customer(t), s.customer(t)
		before := map[order.Status]order.Order{}
		for status, transition := range s.transitions(t, buyer) {
			o := s.mustPlaceWithAddress(t, buyer, fixtures.Item(cup, 2))
			transition(o)
			before[status] = o
		}
		unrelated := s.mustPlaceWithAddress(t, other, fixtures.Item(cup, 1))
		s.mustDeleteUser(t, buyer.UserID)
		for status, o := range before {
			s.requireAnonymized(t, admin, o, status)
		}
		s.requireErased(t, buyer.UserID)
		if got := s.mustGet(t, other.token, unrelated.ID); got.UserID != other.UserID || got.ShippingAddress == nil || got.Status != order.Pending {
			t.Errorf("the order of another customer is %+v", got)
		}
	})

	t.Run("open orders are cancelled, and the events name no customer", func(t *testing.T) {
		t.Parallel()
		buyer := s.customer(t)
		pending, confirmed := s.mustPlace(t, buyer, fixtures.Item(cup, 1)), s.mustPlace(t, buyer, fixtures.Item(cup, 1))
		s.mustDeliverStock(t, "stock-reserved", confirmed.ID, "")
		s.mustDeleteUser(t, buyer.UserID)
		s.mustDeliverStock(t, "stock-reserved", pending.ID, "") // arrives late
		for _, id := range []uuid.UUID{pending.ID, confirmed.ID} {
			o := s.mustGet(t, admin, id)
			if last := o.History[len(o.History)-1]; o.Status != order.Cancelled || last.Reason != "account_deleted" || last.Actor != order.System {
				t.Errorf("the order is %+v", o)
			}
			if events := s.published(t, "order-cancelled", id); len(events) != 1 || events[0].UserID != uuid.Nil {
				t.Errorf("published %+v, want one event without a user id", events)
			}
		}
	})

	t.Run("a second delivery and a second event change nothing", func(t *testing.T) {
		t.Parallel()
		buyer := s.customer(t)
		o := s.mustPlaceWithAddress(t, buyer, fixtures.Item(cup, 1))
		e := functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": buyer.UserID})
		s.Deliver(t, "order-anonymize", e).MustBe(t, http.StatusNoContent)
		first := s.mustGet(t, admin, o.ID)
		s.Deliver(t, "order-anonymize", e).MustBe(t, http.StatusNoContent)
		s.mustDeleteUser(t, buyer.UserID)
		if again := s.mustGet(t, admin, o.ID); again.Version != first.Version || len(again.History) != len(first.History) {
			t.Errorf("the order was %+v and is %+v", first, again)
		}
		if events := s.published(t, "order-cancelled", o.ID); len(events) != 1 {
			t.Errorf("order-cancelled was published %d times", len(events))
		}
	})

	t.Run("an order with the token of a deleted account is rejected, even the first order", func(t *testing.T) {
		t.Parallel()
		buyer := s.customer(t)
		s.mustDeleteUser(t, buyer.UserID)
		s.place(t, buyer, fixtures.Item(cup, 1)).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		s.requireErased(t, buyer.UserID)
	})

	t.Run("an event without a user id fails, because that id belongs to all anonymized orders", func(t *testing.T) {
		t.Parallel()
		s.deliverUserDeleted(t, uuid.Nil).MustBe(t, http.StatusInternalServerError)
		s.DeliverUnchecked(t, "order-anonymize", functiontest.NewEvent(t, "user-deleted", map[string]any{})).MustBe(t, http.StatusInternalServerError)
	})

	t.Run("only Pub/Sub may call it", func(t *testing.T) {
		t.Parallel()
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/order-anonymize", Token: admin, Body: "{}"}).
			MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}

// requireAnonymized fails the test unless an order is unchanged except that its customer
// was removed and, if it was open, that it was cancelled.
func (s testService) requireAnonymized(t *testing.T, admin string, was order.Order, status order.Status) {
	t.Helper()
	o := s.mustGet(t, admin, was.ID)
	want := status
	if status == order.Pending || status == order.Confirmed {
		want = order.Cancelled
	}
	if o.UserID != uuid.Nil || o.ShippingAddress != nil || o.Status != want {
		t.Errorf("the order that was %s is %+v", status, o)
	}
	was.Items[0].Shipped = o.Items[0].Shipped // since it was placed
	if o.Total != was.Total || len(o.Items) != 1 || o.Items[0] != was.Items[0] {
		t.Errorf("items were %+v for %v, and are %+v for %v", was.Items, was.Total, o.Items, o.Total)
	}
	if o.Version <= was.Version {
		t.Errorf("the version is still %d: caches would show the address", o.Version)
	}
	for _, shipment := range o.Shipments {
		if shipment.TrackingNumber != "" || shipment.TrackingURL != "" {
			t.Errorf("the shipment can still be followed: %+v", shipment)
		}
	}
	for _, entry := range o.History {
		if strings.Contains(entry.Reason, "Ada") {
			t.Errorf("the history contains %q", entry.Reason)
		}
	}
	if last := o.History[len(o.History)-1]; status == order.Cancelled && last.Reason != "by_customer" {
		t.Errorf("the cancellation's reason is %q, want by_customer", last.Reason)
	}
}

// An order that is placed while its customer's account is deleted is either rejected, or
// cancelled and anonymized. So is an order that another function entries at that moment.
func TestAnonymizeRaces(t *testing.T) {
	t.Parallel()
	s := open(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	admin := s.Tokens.Admin(t)

	t.Run("orders are placed concurrently", func(t *testing.T) {
		t.Parallel()
		accepted, rejected := 0, 0
		for range 10 {
			buyer := s.customer(t)
			responses, fourPlaced := make(chan functiontest.Response, 24), make(chan struct{})
			var all sync.WaitGroup
			var placed atomic.Int32
			for range cap(responses) {
				all.Go(func() {
					response := s.place(t, buyer, fixtures.Item(cup, 1))
					for response.Status == http.StatusServiceUnavailable { // no connection in time, no effect
						response = s.place(t, buyer, fixtures.Item(cup, 1))
					}
					responses <- response
					if placed.Add(1) == 4 {
						close(fourPlaced)
					}
				})
			}
			all.Go(func() {
				<-fourPlaced
				s.mustDeleteUser(t, buyer.UserID)
			})
			all.Wait()
			close(responses)
			for response := range responses {
				if response.Status != http.StatusCreated {
					response.MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
					rejected++
					continue
				}
				accepted++
				var o order.Order
				response.Into(t, &o)
				s.requireAnonymized(t, admin, o, order.Pending)
			}
			s.requireErased(t, buyer.UserID)
		}
		t.Logf("%d orders were accepted and anonymized, %d rejected", accepted, rejected)
	})

	t.Run("an order is shipped concurrently", func(t *testing.T) {
		t.Parallel()
		for range 10 {
			buyer := s.customer(t)
			o := s.mustPlaceWithAddress(t, buyer, fixtures.Item(cup, 1))
			s.mustDeliverStock(t, "stock-reserved", o.ID, "")
			var all sync.WaitGroup
			var shipped functiontest.Response
			all.Go(func() { s.mustDeleteUser(t, buyer.UserID) })
			all.Go(func() { shipped = s.requestStatus(t, admin, "ship", o.ID) })
			all.Wait()
			status := order.Shipped
			if shipped.Status != http.StatusOK {
				shipped.MustBeProblem(t, http.StatusConflict, "order_not_shippable")
				status = order.Cancelled
			}
			got := s.mustGet(t, admin, o.ID)
			if got.Status != status || got.UserID != uuid.Nil || got.ShippingAddress != nil {
				t.Errorf("the order is %+v, want it %s and anonymized", got, status)
			}
			s.requireErased(t, buyer.UserID)
		}
	})
}

// One event anonymizes any number of orders.
func TestAnonymizeThousands(t *testing.T) {
	t.Parallel()
	s := open(t)
	buyer := s.customer(t)
	insertOrders(t, s.DB, buyer.UserID)
	open := s.mustCount(t, `SELECT COUNT(*) FROM orders WHERE status = 'confirmed'`)
	begin := time.Now()
	s.mustDeleteUser(t, buyer.UserID)
	t.Logf("16,384 orders, %d of them open, took %s", open, time.Since(begin))
	s.requireErased(t, buyer.UserID)
	if n := s.mustCount(t, `SELECT SUM(shipping_address IS NOT NULL OR status = 'confirmed') FROM orders`); n != 0 {
		t.Errorf("%d orders have an address or are open", n)
	}
}

// insertOrders inserts 16,384 orders of a customer. One in a hundred is confirmed, and the
// others are delivered.
func insertOrders(t *testing.T, db *database.DB, userID uuid.UUID) {
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
		SELECT `+id+`, ?, IF(n % 100 = 0, 'confirmed', 'delivered'), 100, 'EUR', '{}', 3, '2024-01-01', '2024-01-01' FROM numbers`, userID[:])
	must(`INSERT INTO order_item (order_id, line, product_id, name, unit_price, quantity) SELECT ` + id + `, 0, UNHEX(LEFT(SHA2(n % 4096, 256), 32)), 'Cup', 100, 1 FROM numbers`)
	must(`INSERT INTO order_history (order_id, version, status, moved_at, reason, actor, actor_id)
		SELECT `+id+`, 1, 'pending', '2024-01-01', '', 'customer', ? FROM numbers`, userID[:])
}

func TestDeletedCustomersExpire(t *testing.T) {
	t.Parallel()
	s := open(t)
	expired, recent, active := s.customer(t), s.customer(t), s.customer(t)
	s.mustPlace(t, active, fixtures.Item(s.mustAddProduct(t, "Cup", 500), 1))
	s.mustDeleteUser(t, expired.UserID)
	s.mustDeleteUser(t, recent.UserID)
	if _, err := s.DB.ExecContext(t.Context(), `UPDATE customer SET deleted_at = ? WHERE user_id = ?`,
		time.Now().UTC().Add(-32*24*time.Hour), expired.UserID[:]); err != nil {
		t.Fatal(err)
	}
	s.sweep(t)
	for userID, want := range map[uuid.UUID]int{expired.UserID: 0, recent.UserID: 1, active.UserID: 1} {
		if got := s.mustCount(t, `SELECT COUNT(*) FROM customer WHERE user_id = ?`, userID[:]); got != want {
			t.Errorf("a customer has %d rows, want %d", got, want)
		}
	}
}
