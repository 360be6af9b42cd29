package order_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

// paidService is the order service with payments, and with a clock that the test advances.
type paidService struct {
	testService
	ahead *atomic.Int64
}

func openWithPayments(t *testing.T) paidService {
	t.Helper()
	var ahead atomic.Int64
	now := func() time.Time { return clock.System().Add(time.Duration(ahead.Load())) }
	return paidService{testService{functiontest.Start(t, functions.Manifest(), "order", order.Functions, order.Migrations,
		config.Environment{"PAYMENTS": "on", "ORDER_UNPAID_FOR": "1m", "ORDER_MAX_OPEN": "1000", "ORDER_MAX_UNPAID": "1000", "ORDER_MAX_PIECES": "1000"},
		functiontest.WithContract(contract), functiontest.WithClock(now))}, &ahead}
}

func (s paidService) advance(d time.Duration) { s.ahead.Add(int64(d)) }

// authorize delivers payment-authorized of an order.
func (s testService) authorize(t *testing.T, id uuid.UUID) {
	t.Helper()
	s.Deliver(t, "order-confirm", functiontest.NewEvent(t, "payment-authorized", fixtures.PaymentAuthorized(id))).MustBe(t, http.StatusNoContent)
}

// mustAwaitPayment places an order whose stock is reserved.
func (s paidService) mustAwaitPayment(t *testing.T, by customer, product uuid.UUID) order.Order {
	t.Helper()
	o := s.mustConfirm(t, by, product)
	o = s.mustGet(t, by.token, o.ID)
	if o.Status != order.AwaitingPayment {
		t.Fatalf("the order is %s", o.Status)
	}
	return o
}

// path returns the statuses in an order's history.
func path(o order.Order) (statuses []order.Status) {
	for _, entry := range o.History {
		statuses = append(statuses, entry.Status)
	}
	return statuses
}

// requirePath fails the test unless an order has had these statuses, and each change that is
// published has one event with the payment in payload and attributes.
func (s testService) requirePath(t *testing.T, token string, id uuid.UUID, want ...order.Status) order.Order {
	t.Helper()
	o := s.mustGet(t, token, id)
	if diff := cmp.Diff(want, path(o)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if o.Version != int64(len(want)) {
		t.Errorf("the version is %d after %v", o.Version, want)
	}
	counts := map[string]int{}
	for _, topic := range []string{"order-placed", "order-confirmed", "order-cancelled", "order-rejected", "order-shipped"} {
		for _, e := range s.Published.Events(topic) {
			if e.AggregateID != id {
				continue
			}
			counts[topic]++
			if attribute := e.Attributes()["payment"]; (attribute == "required") != (o.Payment == order.PaymentRequired) {
				t.Errorf("%s of an order with payment %s has the attribute %q", topic, o.Payment, attribute)
			}
		}
	}
	expected := map[string]int{"order-placed": 1}
	for _, status := range want {
		if status != order.Pending && status != order.AwaitingPayment && status != order.PartiallyShipped {
			expected["order-"+string(status)] = 1
		}
	}
	if diff := cmp.Diff(expected, counts); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	return o
}

func TestPayment(t *testing.T) {
	t.Parallel()
	s := openWithPayments(t)
	buyer := s.customer(t)
	cup, gift := s.mustAddProduct(t, "Cup", 500), s.mustAddProduct(t, "Gift", 0)

	t.Run("an order waits for its payment after its stock was reserved, and is confirmed by it", func(t *testing.T) {
		t.Parallel()
		body := fixtures.Order(fixtures.Item(cup, 2))
		body["shippingAddress"] = fixtures.ShortAddress("Ada Lovelace")
		var o order.Order
		s.Do(t, fixtures.PlaceOrder(buyer.token, body)).MustBe(t, http.StatusCreated).Into(t, &o)
		if o.Payment != order.PaymentRequired {
			t.Errorf("payment is %s", o.Payment)
		}
		placed := s.publishedPlaced(t, o.ID)
		if placed.Payment != order.PaymentRequired || placed.Items[0].Name != "Cup" || placed.ShippingAddress == nil || placed.ShippingAddress.Name != "Ada Lovelace" {
			t.Errorf("order-placed is %+v", placed)
		}
		s.mustDeliverStock(t, "stock-reserved", o.ID, "")
		s.requirePath(t, buyer.token, o.ID, order.Pending, order.AwaitingPayment)
		s.authorize(t, o.ID)
		s.authorize(t, o.ID)                              // another event of the same payment
		s.mustDeliverStock(t, "stock-reserved", o.ID, "") // late
		s.requirePath(t, buyer.token, o.ID, order.Pending, order.AwaitingPayment, order.Confirmed)
		if e := s.published(t, "order-confirmed", o.ID)[0]; e.Payment != order.PaymentRequired || len(e.Items) != 1 {
			t.Errorf("order-confirmed is %+v", e)
		}
	})

	t.Run("an authorization that overtakes stock-reserved confirms the order", func(t *testing.T) {
		t.Parallel()
		o := s.mustPlace(t, buyer, fixtures.Item(cup, 1))
		s.authorize(t, o.ID)
		s.mustDeliverStock(t, "stock-reserved", o.ID, "")
		s.requirePath(t, buyer.token, o.ID, order.Pending, order.Confirmed)
	})

	t.Run("an order for nothing needs no payment, and an authorization of it does nothing", func(t *testing.T) {
		t.Parallel()
		o := s.mustPlace(t, buyer, fixtures.Item(gift, 1))
		s.authorize(t, o.ID)
		if o := s.requirePath(t, buyer.token, o.ID, order.Pending); o.Payment != order.NoPayment {
			t.Errorf("payment is %s", o.Payment)
		}
		s.mustDeliverStock(t, "stock-reserved", o.ID, "")
		s.requirePath(t, buyer.token, o.ID, order.Pending, order.Confirmed)
	})

	t.Run("orders that wait for payment are listed by that status, and Prefer: wait ends with it", func(t *testing.T) {
		t.Parallel()
		other := s.customer(t)
		responses := make(chan functiontest.Response, 1)
		go func() {
			responses <- s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: other.token,
				Header: map[string]string{"Prefer": "wait=30"}, Body: fixtures.Order(fixtures.Item(cup, 1))})
		}()
		var pending []order.Order
		for len(pending) == 0 {
			pending = s.mustList(t, other.token, "?status=pending").Items
		}
		s.mustDeliverStock(t, "stock-reserved", pending[0].ID, "")
		var o order.Order
		response := <-responses
		response.MustBe(t, http.StatusCreated).Into(t, &o)
		if o.Status != order.AwaitingPayment {
			t.Errorf("the response has the status %s", o.Status)
		}
		if listed := s.mustList(t, other.token, "?status=awaiting_payment").Items; len(listed) != 1 || listed[0].ID != o.ID {
			t.Errorf("listed %+v", listed)
		}
	})
}

// TestPaymentSetting checks that orders store whether they must be paid: those of before the
// setting changes are not affected.
func TestPaymentSetting(t *testing.T) {
	t.Parallel()
	with := openWithPayments(t)
	buyer := with.customer(t)
	cup := with.mustAddProduct(t, "Cup", 500)
	open := func(environment config.Environment) testService {
		return testService{functiontest.Start(t, functions.Manifest(), "order", order.Functions, order.Migrations, environment,
			functiontest.WithContract(contract), functiontest.WithSameDatabase(with.Server))}
	}
	unpaid := with.mustPlace(t, buyer, fixtures.Item(cup, 1))
	without := open(nil)
	free := without.mustPlace(t, buyer, fixtures.Item(cup, 1))
	synthetic := open(config.Environment{"PAYMENTS": "on", "SYNTHETIC_CUSTOMER": buyer.UserID.String()}).mustPlace(t, buyer, fixtures.Item(cup, 1))
	if unpaid.Payment != order.PaymentRequired || free.Payment != order.NoPayment || synthetic.Payment != order.NoPayment {
		t.Errorf("payments are %s, %s and %s", unpaid.Payment, free.Payment, synthetic.Payment)
	}
	if placed := without.publishedPlaced(t, free.ID); placed.Payment != "" || placed.Items[0].Name != "" {
		t.Errorf("order-placed without payment is %+v", placed)
	}
	without.mustDeliverStock(t, "stock-reserved", unpaid.ID, "")
	with.mustDeliverStock(t, "stock-reserved", free.ID, "")
	if got := with.mustGet(t, buyer.token, unpaid.ID).Status; got != order.AwaitingPayment {
		t.Errorf("the order with payment is %s", got)
	}
	if got := with.mustGet(t, buyer.token, free.ID).Status; got != order.Confirmed {
		t.Errorf("the order without payment is %s", got)
	}
}
