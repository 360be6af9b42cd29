package order_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
)

func TestShip(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, admin := s.customer(t), s.Tokens.Admin(t)
	cup := s.mustAddProduct(t, "Cup", 500)

	t.Run("a confirmed order is shipped, and the event is published", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirm(t, owner, cup)
		var after order.Order
		s.requestStatus(t, admin, "ship", o.ID).MustBe(t, http.StatusOK).Into(t, &after)
		if after.Status != order.Shipped {
			t.Errorf("the order is %s", after.Status)
		}
		if got := s.published(t, "order-shipped", o.ID); len(got) != 1 || got[0].UserID != owner.UserID {
			t.Errorf("published order-shipped %+v", got)
		}
	})

	t.Run("an order of another status is not shipped, and a shipped one is not cancelled", func(t *testing.T) {
		t.Parallel()
		o := s.mustPlace(t, owner, fixtures.Item(cup, 1))
		s.requestStatus(t, admin, "ship", o.ID).MustBeProblem(t, http.StatusConflict, "order_not_shippable")
		s.mustDeliverStock(t, "stock-reserved", o.ID, "")
		s.requestStatus(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		s.requestStatus(t, admin, "ship", o.ID).MustBeProblem(t, http.StatusConflict, "order_not_shippable")
		s.cancel(t, owner.token, o.ID).MustBeProblem(t, http.StatusConflict, "order_not_cancellable")
	})

	t.Run("one of a concurrent shipment and cancellation succeeds", func(t *testing.T) {
		t.Parallel()
		for range 10 {
			o := s.mustConfirm(t, owner, cup)
			var shipped, cancelled int
			var both sync.WaitGroup
			both.Go(func() { shipped = s.requestStatus(t, admin, "ship", o.ID).Status })
			both.Go(func() { cancelled = s.cancel(t, owner.token, o.ID).Status })
			both.Wait()
			if shipped+cancelled != http.StatusOK+http.StatusConflict {
				t.Errorf("ship is %d, cancel %d, want one 200 and one 409", shipped, cancelled)
			}
		}
	})

	t.Run("only admins may ship, and only existing orders", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirm(t, owner, cup)
		s.requestStatus(t, owner.token, "ship", o.ID).MustBeProblem(t, http.StatusForbidden, "forbidden")
		s.requestStatus(t, "", "ship", o.ID).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		s.requestStatus(t, admin, "ship", uuid.New()).MustBeProblem(t, http.StatusNotFound, "order_not_found")
	})
}
