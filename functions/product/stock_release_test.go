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

// cancelledEvent returns an order-cancelled event.
func cancelledEvent(t *testing.T, orderID uuid.UUID) event.Event {
	t.Helper()
	return functiontest.NewEvent(t, "order-cancelled", fixtures.OrderCancelled(orderID))
}

func TestReleaseStock(t *testing.T) {
	t.Parallel()
	s := open(t)
	release := func(t *testing.T, e event.Event) {
		t.Helper()
		s.Deliver(t, "stock-release", e).MustBe(t, http.StatusNoContent)
	}

	t.Run("the stock of an order is released once", func(t *testing.T) {
		t.Parallel()
		p, id := s.mustCreate(t, fixtures.Product("A", 5)), uuid.New()
		s.mustReserve(t, placedEvent(t, id, item(p, 3)))
		e := cancelledEvent(t, id)
		release(t, e)
		release(t, e)
		release(t, cancelledEvent(t, id))
		if got := s.mustGet(t, p.ID).Available; got != 5 {
			t.Errorf("%d available, want 5", got)
		}
	})

	t.Run("an order that is cancelled before it arrives reserves nothing", func(t *testing.T) {
		t.Parallel()
		p, id := s.mustCreate(t, fixtures.Product("B", 5)), uuid.New()
		release(t, cancelledEvent(t, id))
		s.mustReserve(t, placedEvent(t, id, item(p, 3)))
		if got := s.mustGet(t, p.ID).Available; got != 5 {
			t.Errorf("%d available, want 5", got)
		}
		if got := s.outcome(t, id); got != "" {
			t.Errorf("the outcome of a cancelled order is %q", got)
		}
	})

	t.Run("the cancellation of a rejected order releases nothing", func(t *testing.T) {
		t.Parallel()
		p, id := s.mustCreate(t, fixtures.Product("C", 5)), uuid.New()
		s.mustReserve(t, placedEvent(t, id, item(p, 6)))
		release(t, cancelledEvent(t, id))
		if got := s.mustGet(t, p.ID).Available; got != 5 {
			t.Errorf("%d available, want 5", got)
		}
	})

	t.Run("concurrent reservations and releases restore the stock", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, fixtures.Product("D", 20))
		var all sync.WaitGroup
		for range 20 {
			id := uuid.New()
			placed, cancelled := placedEvent(t, id, item(p, 1)), cancelledEvent(t, id)
			all.Go(func() { s.mustReserve(t, placed) })
			all.Go(func() { release(t, cancelled) })
		}
		all.Wait()
		if got := s.mustGet(t, p.ID).Available; got != 20 {
			t.Errorf("%d available, want 20", got)
		}
	})
}
