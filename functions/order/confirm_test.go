package order_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/function/functiontest"
)

func TestConfirm(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner := s.customer(t)
	cup := s.mustAddProduct(t, "Cup", 500)

	t.Run("a pending order is confirmed once and one event is published", func(t *testing.T) {
		t.Parallel()
		o := s.mustPlace(t, owner, fixtures.Item(cup, 1))
		e := functiontest.NewEvent(t, "stock-reserved", fixtures.StockReserved(o.ID))
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() { s.Deliver(t, "order-confirm", e).MustBe(t, http.StatusNoContent) })
		}
		all.Wait()
		s.mustDeliverStock(t, "stock-reserved", o.ID, "") // another event of the same order
		after := s.mustGet(t, owner.token, o.ID)
		if after.Status != order.Confirmed || after.Version != 2 || len(after.History) != 2 {
			t.Errorf("after the event: %+v", after)
		}
		if got := s.published(t, "order-confirmed", o.ID); len(got) != 1 {
			t.Errorf("order-confirmed was published %d times", len(got))
		}
	})

	t.Run("a cancelled order stays cancelled", func(t *testing.T) {
		t.Parallel()
		o := s.mustPlace(t, owner, fixtures.Item(cup, 1))
		s.cancel(t, owner.token, o.ID).MustBe(t, http.StatusOK)
		s.mustDeliverStock(t, "stock-reserved", o.ID, "")
		if got := s.mustGet(t, owner.token, o.ID).Status; got != order.Cancelled {
			t.Errorf("status is %s, want cancelled", got)
		}
		if got := s.published(t, "order-confirmed", o.ID); len(got) != 0 {
			t.Errorf("order-confirmed was published for a cancelled order")
		}
	})

	t.Run("the event of a missing order fails, so that it is redelivered", func(t *testing.T) {
		t.Parallel()
		e := functiontest.NewEvent(t, "stock-reserved", fixtures.StockReserved(uuid.New()))
		s.Deliver(t, "order-confirm", e).MustBeProblem(t, http.StatusInternalServerError, "internal")
	})
}
