package order_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/order"
	"souk/shared/function/functiontest"
)

func TestCancel(t *testing.T) {
	t.Parallel()
	d := open(t)
	owner := d.customer(t)
	cup := d.mustKnow(t, "Cup", 500)

	t.Run("ends an order that is pending or confirmed, and tells", func(t *testing.T) {
		t.Parallel()
		for _, confirmed := range []bool{false, true} {
			o := d.mustPlace(t, owner, line(cup, 1))
			if confirmed {
				d.mustHear(t, "stock-reserved", o.ID, "")
			}
			var after order.Order
			d.cancel(t, owner.token, o.ID).MustBe(t, http.StatusOK).Into(t, &after)
			last := after.History[len(after.History)-1]
			if after.Status != order.Cancelled || last.Status != order.Cancelled || last.Reason != "by_customer" {
				t.Errorf("after the cancellation: %+v", after)
			}
			if got := d.told(t, "order-cancelled", o.ID); len(got) != 1 || got[0].UserID != owner.UserID {
				t.Errorf("order-cancelled was told %+v", got)
			}
		}
	})

	t.Run("names the shop when the shop did it", func(t *testing.T) {
		t.Parallel()
		o := d.mustPlace(t, owner, line(cup, 1))
		var after order.Order
		d.cancel(t, d.Tokens.Admin(t), o.ID).MustBe(t, http.StatusOK).Into(t, &after)
		if got := after.History[1].Reason; got != "by_shop" {
			t.Errorf("reason is %q", got)
		}
	})

	t.Run("keeps the caller's own reason", func(t *testing.T) {
		t.Parallel()
		o := d.mustPlace(t, owner, line(cup, 1))
		var after order.Order
		d.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + o.ID.String() + "/cancel", Token: owner.token,
			Body: map[string]any{"reason": "ordered twice"}}).MustBe(t, http.StatusOK).Into(t, &after)
		if last := after.History[1]; last.Reason != "ordered twice" || last.Actor != order.Customer {
			t.Errorf("the last move is %+v", last)
		}
	})

	t.Run("is refused for an order that has ended", func(t *testing.T) {
		t.Parallel()
		o := d.mustPlace(t, owner, line(cup, 1))
		d.mustHear(t, "stock-rejected", o.ID, "insufficient_stock")
		d.cancel(t, owner.token, o.ID).MustBeProblem(t, http.StatusConflict, "order_not_cancellable")
	})

	t.Run("of someone else's order finds nothing", func(t *testing.T) {
		t.Parallel()
		o := d.mustPlace(t, owner, line(cup, 1))
		d.cancel(t, d.customer(t).token, o.ID).MustBeProblem(t, http.StatusNotFound, "order_not_found")
		d.cancel(t, owner.token, uuid.New()).MustBeProblem(t, http.StatusNotFound, "order_not_found")
		if got := d.mustGet(t, owner.token, o.ID).Status; got != order.Pending {
			t.Errorf("status is %s", got)
		}
	})

	t.Run("of eight at once exactly one wins, and it is told once", func(t *testing.T) {
		t.Parallel()
		o := d.mustPlace(t, owner, line(cup, 1))
		statuses := make(chan int, 8)
		var all sync.WaitGroup
		for range cap(statuses) {
			all.Go(func() { statuses <- d.cancel(t, owner.token, o.ID).Status })
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
		if got := d.told(t, "order-cancelled", o.ID); len(got) != 1 {
			t.Errorf("order-cancelled was told %d times", len(got))
		}
	})

	t.Run("at the same moment as its confirmation ends cancelled", func(t *testing.T) {
		t.Parallel()
		for range 10 {
			o := d.mustPlace(t, owner, line(cup, 1))
			var all sync.WaitGroup
			all.Go(func() { d.mustHear(t, "stock-reserved", o.ID, "") })
			all.Go(func() { d.cancel(t, owner.token, o.ID).MustBe(t, http.StatusOK) })
			all.Wait()
			if got := d.mustGet(t, owner.token, o.ID).Status; got != order.Cancelled {
				t.Errorf("status is %s, want cancelled", got)
			}
		}
	})
}
