package product_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/shared/event"
	"souk/shared/function/functiontest"
)

func cancelled(t *testing.T, orderID uuid.UUID) event.Event {
	t.Helper()
	return functiontest.NewEvent(t, "order-cancelled", map[string]any{
		"orderId": orderID, "userId": uuid.New(), "items": []any{}, "total": map[string]any{"amount": 0, "currency": "EUR"},
	})
}

func TestReleaseStock(t *testing.T) {
	t.Parallel()
	s := open(t)
	release := func(t *testing.T, e event.Event) {
		t.Helper()
		s.Deliver(t, "stock-release", e).MustBe(t, http.StatusNoContent)
	}

	t.Run("gives back once what the order had", func(t *testing.T) {
		t.Parallel()
		p, id := s.mustCreate(t, tea("A", 5)), uuid.New()
		s.mustReserve(t, placed(t, id, item(p, 3)))
		e := cancelled(t, id)
		release(t, e)
		release(t, e)
		release(t, cancelled(t, id))
		if got := s.mustGet(t, p.ID).Available; got != 5 {
			t.Errorf("%d available, want 5", got)
		}
	})

	t.Run("that overtakes its order leaves a tombstone: the order gets nothing", func(t *testing.T) {
		t.Parallel()
		p, id := s.mustCreate(t, tea("B", 5)), uuid.New()
		release(t, cancelled(t, id))
		s.mustReserve(t, placed(t, id, item(p, 3)))
		if got := s.mustGet(t, p.ID).Available; got != 5 {
			t.Errorf("%d available, want 5", got)
		}
		if got := s.outcome(t, id); got != "" {
			t.Errorf("of a cancelled order was told %q", got)
		}
	})

	t.Run("of a rejected order gives nothing", func(t *testing.T) {
		t.Parallel()
		p, id := s.mustCreate(t, tea("C", 5)), uuid.New()
		s.mustReserve(t, placed(t, id, item(p, 6)))
		release(t, cancelled(t, id))
		if got := s.mustGet(t, p.ID).Available; got != 5 {
			t.Errorf("%d available, want 5", got)
		}
	})

	t.Run("at the same moment as the reservation: the stock is whole in the end", func(t *testing.T) {
		t.Parallel()
		p := s.mustCreate(t, tea("D", 20))
		var all sync.WaitGroup
		for range 20 {
			id := uuid.New()
			take, back := placed(t, id, item(p, 1)), cancelled(t, id)
			all.Go(func() { s.mustReserve(t, take) })
			all.Go(func() { release(t, back) })
		}
		all.Wait()
		if got := s.mustGet(t, p.ID).Available; got != 20 {
			t.Errorf("%d available, want 20", got)
		}
	})
}
