package order_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/order"
	"souk/shared/function/functiontest"
)

// move asks for ship or deliver.
func (d desk) move(t *testing.T, token, operation string, id uuid.UUID) functiontest.Response {
	t.Helper()
	return d.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + id.String() + "/" + operation, Token: token})
}

func TestShipAndDeliver(t *testing.T) {
	t.Parallel()
	d := open(t)
	owner, admin := d.customer(t), d.Tokens.Admin(t)
	cup := d.mustKnow(t, "Cup", 500)
	confirmed := func(t *testing.T) order.Order {
		t.Helper()
		o := d.mustPlace(t, owner, line(cup, 1))
		d.mustHear(t, "stock-reserved", o.ID, "")
		return o
	}

	t.Run("a confirmed order is shipped and delivered, and each is told with who did it", func(t *testing.T) {
		t.Parallel()
		o := confirmed(t)
		d.move(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		var after order.Order
		d.move(t, admin, "deliver", o.ID).MustBe(t, http.StatusOK).Into(t, &after)
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
			if got := d.told(t, eventType, o.ID); len(got) != 1 || got[0].UserID != owner.UserID {
				t.Errorf("%s was told %+v", eventType, got)
			}
		}
	})

	t.Run("a move that is not allowed is refused", func(t *testing.T) {
		t.Parallel()
		o := d.mustPlace(t, owner, line(cup, 1))
		d.move(t, admin, "ship", o.ID).MustBeProblem(t, http.StatusConflict, "order_not_shippable")
		d.mustHear(t, "stock-reserved", o.ID, "")
		d.move(t, admin, "deliver", o.ID).MustBeProblem(t, http.StatusConflict, "order_not_deliverable")
		d.move(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		d.move(t, admin, "ship", o.ID).MustBeProblem(t, http.StatusConflict, "order_not_shippable")
		d.cancel(t, owner.token, o.ID).MustBeProblem(t, http.StatusConflict, "order_not_cancellable")
	})

	t.Run("shipped and cancelled at once, exactly one wins", func(t *testing.T) {
		t.Parallel()
		for range 10 {
			o := confirmed(t)
			var shipped, cancelled int
			var both sync.WaitGroup
			both.Go(func() { shipped = d.move(t, admin, "ship", o.ID).Status })
			both.Go(func() { cancelled = d.cancel(t, owner.token, o.ID).Status })
			both.Wait()
			if shipped+cancelled != http.StatusOK+http.StatusConflict {
				t.Errorf("ship answers %d, cancel %d: want one 200 and one 409", shipped, cancelled)
			}
		}
	})

	t.Run("is for admins, of orders that there are", func(t *testing.T) {
		t.Parallel()
		o := confirmed(t)
		for _, operation := range []string{"ship", "deliver"} {
			d.move(t, owner.token, operation, o.ID).MustBeProblem(t, http.StatusForbidden, "forbidden")
			d.move(t, "", operation, o.ID).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
			d.move(t, admin, operation, uuid.New()).MustBeProblem(t, http.StatusNotFound, "order_not_found")
		}
	})
}
