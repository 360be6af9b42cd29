package order_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/order"
	"souk/shared/function/functiontest"
)

// move requests ship or deliver.
func (s testService) move(t *testing.T, token, operation string, id uuid.UUID) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + id.String() + "/" + operation, Token: token})
}

func TestShipAndDeliver(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, admin := s.customer(t), s.Tokens.Admin(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	confirmed := func(t *testing.T) order.Order {
		t.Helper()
		o := s.mustPlace(t, owner, line(cup, 1))
		s.mustDeliverStock(t, "stock-reserved", o.ID, "")
		return o
	}

	t.Run("a confirmed order is shipped and delivered, and the history and the events record both", func(t *testing.T) {
		t.Parallel()
		o := confirmed(t)
		s.move(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		var after order.Order
		s.move(t, admin, "deliver", o.ID).MustBe(t, http.StatusOK).Into(t, &after)
		var steps []string
		for _, move := range after.History {
			steps = append(steps, string(move.Status)+" by "+string(move.Actor))
		}
		want := []string{"pending by customer", "confirmed by system", "shipped by shop", "delivered by shop"}
		if len(steps) != len(want) {
			t.Fatalf("history %v, want %v", steps, want)
		}
		for i := range want {
			if steps[i] != want[i] {
				t.Errorf("step %d is %s, want %s", i, steps[i], want[i])
			}
		}
		for _, eventType := range []string{"order-shipped", "order-delivered"} {
			if got := s.published(t, eventType, o.ID); len(got) != 1 || got[0].UserID != owner.UserID {
				t.Errorf("published %s %+v", eventType, got)
			}
		}
	})

	t.Run("a move that the status does not allow is rejected", func(t *testing.T) {
		t.Parallel()
		o := s.mustPlace(t, owner, line(cup, 1))
		s.move(t, admin, "ship", o.ID).MustBeProblem(t, http.StatusConflict, "order_not_shippable")
		s.mustDeliverStock(t, "stock-reserved", o.ID, "")
		s.move(t, admin, "deliver", o.ID).MustBeProblem(t, http.StatusConflict, "order_not_deliverable")
		s.move(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		s.move(t, admin, "ship", o.ID).MustBeProblem(t, http.StatusConflict, "order_not_shippable")
		s.cancel(t, owner.token, o.ID).MustBeProblem(t, http.StatusConflict, "order_not_cancellable")
	})

	t.Run("one of a concurrent shipment and cancellation succeeds", func(t *testing.T) {
		t.Parallel()
		for range 10 {
			o := confirmed(t)
			var shipped, cancelled int
			var both sync.WaitGroup
			both.Go(func() { shipped = s.move(t, admin, "ship", o.ID).Status })
			both.Go(func() { cancelled = s.cancel(t, owner.token, o.ID).Status })
			both.Wait()
			if shipped+cancelled != http.StatusOK+http.StatusConflict {
				t.Errorf("ship is %d, cancel %d, want one 200 and one 409", shipped, cancelled)
			}
		}
	})

	t.Run("only admins may ship and deliver, and only existing orders", func(t *testing.T) {
		t.Parallel()
		o := confirmed(t)
		for _, operation := range []string{"ship", "deliver"} {
			s.move(t, owner.token, operation, o.ID).MustBeProblem(t, http.StatusForbidden, "forbidden")
			s.move(t, "", operation, o.ID).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
			s.move(t, admin, operation, uuid.New()).MustBeProblem(t, http.StatusNotFound, "order_not_found")
		}
	})
}
