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

func TestCancel(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner := s.customer(t)
	cup := s.mustAddProduct(t, "Cup", 500)

	t.Run("a pending or confirmed order is cancelled and the event is published", func(t *testing.T) {
		t.Parallel()
		for _, confirmed := range []bool{false, true} {
			o := s.mustPlace(t, owner, fixtures.Item(cup, 1))
			if confirmed {
				s.mustDeliverStock(t, "stock-reserved", o.ID, "")
			}
			var after order.Order
			s.cancel(t, owner.token, o.ID).MustBe(t, http.StatusOK).Into(t, &after)
			last := after.History[len(after.History)-1]
			if after.Status != order.Cancelled || last.Status != order.Cancelled || last.Reason != "by_customer" {
				t.Errorf("after the cancellation: %+v", after)
			}
			if got := s.published(t, "order-cancelled", o.ID); len(got) != 1 || got[0].UserID != owner.UserID {
				t.Errorf("published %+v", got)
			}
		}
	})

	t.Run("the reason of an admin's cancellation is by_shop", func(t *testing.T) {
		t.Parallel()
		o := s.mustPlace(t, owner, fixtures.Item(cup, 1))
		var after order.Order
		s.cancel(t, s.Tokens.Admin(t), o.ID).MustBe(t, http.StatusOK).Into(t, &after)
		if got := after.History[1].Reason; got != "by_shop" {
			t.Errorf("reason is %q", got)
		}
	})

	t.Run("the caller's reason is stored", func(t *testing.T) {
		t.Parallel()
		o := s.mustPlace(t, owner, fixtures.Item(cup, 1))
		var after order.Order
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + o.ID.String() + "/cancel", Token: owner.token,
			Body: map[string]any{"reason": "ordered twice"}}).MustBe(t, http.StatusOK).Into(t, &after)
		if last := after.History[1]; last.Reason != "ordered twice" || last.Actor != order.Customer {
			t.Errorf("the last entry is %+v", last)
		}
	})

	t.Run("a closed order cannot be cancelled", func(t *testing.T) {
		t.Parallel()
		o := s.mustPlace(t, owner, fixtures.Item(cup, 1))
		s.mustDeliverStock(t, "stock-rejected", o.ID, "insufficient_stock")
		s.cancel(t, owner.token, o.ID).MustBeProblem(t, http.StatusConflict, "order_not_cancellable")
	})

	t.Run("the order of another customer is not found", func(t *testing.T) {
		t.Parallel()
		o := s.mustPlace(t, owner, fixtures.Item(cup, 1))
		s.cancel(t, s.customer(t).token, o.ID).MustBeProblem(t, http.StatusNotFound, "order_not_found")
		s.cancel(t, owner.token, uuid.New()).MustBeProblem(t, http.StatusNotFound, "order_not_found")
		if got := s.mustGet(t, owner.token, o.ID).Status; got != order.Pending {
			t.Errorf("status is %s", got)
		}
	})

	t.Run("one of eight concurrent requests succeeds, and one event is published", func(t *testing.T) {
		t.Parallel()
		o := s.mustPlace(t, owner, fixtures.Item(cup, 1))
		statuses := make(chan int, 8)
		var all sync.WaitGroup
		for range cap(statuses) {
			all.Go(func() { statuses <- s.cancel(t, owner.token, o.ID).Status })
		}
		all.Wait()
		close(statuses)
		count := map[int]int{}
		for status := range statuses {
			count[status]++
		}
		if count[http.StatusOK] != 1 || count[http.StatusConflict] != 7 {
			t.Errorf("statuses %v, want one 200 and seven 409", count)
		}
		if got := s.published(t, "order-cancelled", o.ID); len(got) != 1 {
			t.Errorf("order-cancelled was published %d times", len(got))
		}
	})

	t.Run("an order that is confirmed concurrently ends as cancelled", func(t *testing.T) {
		t.Parallel()
		for range 10 {
			o := s.mustPlace(t, owner, fixtures.Item(cup, 1))
			var all sync.WaitGroup
			all.Go(func() { s.mustDeliverStock(t, "stock-reserved", o.ID, "") })
			all.Go(func() { s.cancel(t, owner.token, o.ID).MustBe(t, http.StatusOK) })
			all.Wait()
			if got := s.mustGet(t, owner.token, o.ID).Status; got != order.Cancelled {
				t.Errorf("status is %s, want cancelled", got)
			}
		}
	})
}
