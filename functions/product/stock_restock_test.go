package product_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/event"
	"souk/shared/function/functiontest"
)

// refundedEvent returns a payment-refunded event with units of one product.
func refundedEvent(t *testing.T, orderID, productID uuid.UUID, quantity int64, restock bool) event.Event {
	t.Helper()
	return functiontest.NewEvent(t, "payment-refunded", fixtures.Object{
		"orderId": orderID, "userId": uuid.New(), "refundId": uuid.New(), "amount": fixtures.Price(100), "refunded": fixtures.Price(100),
		"lines": []fixtures.Object{{"productId": productID, "quantity": quantity, "restock": restock}},
	})
}

// returnedEvent returns a return-received event with units of one product.
func returnedEvent(t *testing.T, orderID, productID uuid.UUID, quantity int64, restock bool) event.Event {
	t.Helper()
	return functiontest.NewEvent(t, "return-received", fixtures.Object{
		"orderId": orderID, "userId": uuid.New(), "returnId": uuid.New(), "refund": true, "refundShipping": false,
		"lines": []fixtures.Object{{"productId": productID, "name": "Tea", "quantity": quantity, "restock": restock}},
	})
}

func TestRestock(t *testing.T) {
	t.Parallel()
	s := open(t)
	deliver := func(t *testing.T, function string, events ...event.Event) {
		t.Helper()
		for _, e := range events {
			s.Deliver(t, function, e).MustBe(t, http.StatusNoContent)
		}
	}
	mustHave := func(t *testing.T, id uuid.UUID, want int64) {
		t.Helper()
		if got := s.mustGet(t, id).Available; got != want {
			t.Errorf("%d available, want %d", got, want)
		}
	}

	t.Run("refunded units are available again, once", func(t *testing.T) {
		t.Parallel()
		p, other := s.mustCreate(t, fixtures.Product("RESTOCK-A", 5)), s.mustCreate(t, fixtures.Product("RESTOCK-B", 5))
		id := uuid.New()
		s.mustReserve(t, placedEvent(t, id, item(p, 3)))
		deliver(t, "stock-restock", refundedEvent(t, id, p.ID, 2, false), refundedEvent(t, id, other.ID, 2, true), refundedEvent(t, uuid.New(), p.ID, 2, true))
		mustHave(t, p.ID, 2)
		mustHave(t, other.ID, 5)
		e := refundedEvent(t, id, p.ID, 2, true)
		deliver(t, "stock-restock", e, e)
		mustHave(t, p.ID, 4)
		deliver(t, "stock-restock", refundedEvent(t, id, p.ID, 2, true)) // more than are reserved
		mustHave(t, p.ID, 5)
	})

	t.Run("returned units are available again once, also if they are refunded", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, fixtures.Product("RESTOCK-D", 5))
		id := uuid.New()
		s.mustReserve(t, placedEvent(t, id, item(p, 3)))
		e := returnedEvent(t, id, p.ID, 2, true)
		deliver(t, "stock-restock", e, e, refundedEvent(t, id, p.ID, 2, false), returnedEvent(t, id, p.ID, 1, false))
		mustHave(t, p.ID, 4)
	})

	t.Run("a cancelled order's units are available again, once", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, fixtures.Product("RESTOCK-C", 20))
		var all sync.WaitGroup
		for range 5 {
			id := uuid.New()
			s.mustReserve(t, placedEvent(t, id, item(p, 3)))
			all.Go(func() { deliver(t, "stock-restock", refundedEvent(t, id, p.ID, 2, true)) })
			all.Go(func() { deliver(t, "stock-release", cancelledEvent(t, id)) })
		}
		all.Wait()
		mustHave(t, p.ID, 20)
	})
}
