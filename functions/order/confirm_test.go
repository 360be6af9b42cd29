package order_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/order"
	"souk/shared/function/functiontest"
)

func TestConfirm(t *testing.T) {
	t.Parallel()
	d := open(t)
	owner := d.customer(t)
	cup := d.mustKnow(t, "Cup", 500)

	t.Run("confirms a pending order, once, and tells once", func(t *testing.T) {
		t.Parallel()
		o := d.mustPlace(t, owner, line(cup, 1))
		e := functiontest.NewEvent(t, "stock-reserved", map[string]any{"orderId": o.ID})
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() { d.Deliver(t, "order-confirm", e).MustBe(t, http.StatusNoContent) })
		}
		all.Wait()
		d.mustHear(t, "stock-reserved", o.ID, "") // another event of the same
		after := d.mustGet(t, owner.token, o.ID)
		if after.Status != order.Confirmed || after.Version != 2 || len(after.History) != 2 {
			t.Errorf("after the event: %+v", after)
		}
		if got := d.told(t, "order-confirmed", o.ID); len(got) != 1 {
			t.Errorf("order-confirmed was told %d times", len(got))
		}
	})

	t.Run("leaves a cancelled order cancelled", func(t *testing.T) {
		t.Parallel()
		o := d.mustPlace(t, owner, line(cup, 1))
		d.cancel(t, owner.token, o.ID).MustBe(t, http.StatusOK)
		d.mustHear(t, "stock-reserved", o.ID, "")
		if got := d.mustGet(t, owner.token, o.ID).Status; got != order.Cancelled {
			t.Errorf("status is %s, want cancelled", got)
		}
		if got := d.told(t, "order-confirmed", o.ID); len(got) != 0 {
			t.Errorf("order-confirmed was told of a cancelled order")
		}
	})

	t.Run("of an order that is not there fails, so that it comes again", func(t *testing.T) {
		t.Parallel()
		e := functiontest.NewEvent(t, "stock-reserved", map[string]any{"orderId": uuid.New()})
		d.Deliver(t, "order-confirm", e).MustBeProblem(t, http.StatusInternalServerError, "internal")
	})
}
