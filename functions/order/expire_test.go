package order_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/order"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

func (d desk) expire(t *testing.T) {
	t.Helper()
	d.Deliver(t, "order-expire", functiontest.NewEvent(t, "order-expire", struct{}{})).MustBe(t, http.StatusNoContent)
}

// impatient is a desk whose clock is so far ahead of that of its customers that
// their orders expire as soon as they are placed.
func impatient(t *testing.T) desk {
	t.Helper()
	ahead := func() time.Time { return clock.System().Add(2 * time.Minute) }
	return desk{functiontest.Start(t, functions.Manifest(), "order", order.Functions, order.Migrations,
		config.Environment{"ORDER_PENDING_FOR": "1m", "ORDER_MAX_OPEN": "1000"}, functiontest.WithContract(contract), functiontest.WithClock(ahead))}
}

func TestExpire(t *testing.T) {
	t.Parallel()

	t.Run("cancels what has been pending for too long, says why, and tells", func(t *testing.T) {
		t.Parallel()
		d := impatient(t)
		owner := d.customer(t)
		cup := d.mustKnow(t, "Cup", 500)
		pending, confirmed := d.mustPlace(t, owner, line(cup, 1)), d.mustPlace(t, owner, line(cup, 1))
		d.mustHear(t, "stock-reserved", confirmed.ID, "")
		d.expire(t)
		after := d.mustGet(t, owner.token, pending.ID)
		last := after.History[len(after.History)-1]
		if after.Status != order.Cancelled || last.Reason != "expired" || last.Actor != order.System {
			t.Errorf("after it expired: %+v", after)
		}
		if got := d.told(t, "order-cancelled", pending.ID); len(got) != 1 {
			t.Errorf("order-cancelled was told %d times", len(got))
		}
		if got := d.mustGet(t, owner.token, confirmed.ID).Status; got != order.Confirmed {
			t.Errorf("a confirmed order is %s", got)
		}
	})

	t.Run("leaves alone what was placed just now", func(t *testing.T) {
		t.Parallel()
		d := open(t)
		owner := d.customer(t)
		o := d.mustPlace(t, owner, line(d.mustKnow(t, "Cup", 500), 1))
		d.expire(t)
		if got := d.mustGet(t, owner.token, o.ID).Status; got != order.Pending {
			t.Errorf("status is %s", got)
		}
	})

	t.Run("of more orders than one transaction holds, by several at once, beside confirmations: each order ends once", func(t *testing.T) {
		t.Parallel()
		d := impatient(t)
		owner := d.customer(t)
		cup := d.mustKnow(t, "Cup", 500)
		var ids []uuid.UUID
		for range 120 {
			ids = append(ids, d.mustPlace(t, owner, line(cup, 1)).ID)
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { d.expire(t) })
		}
		for _, id := range ids[:30] {
			all.Go(func() { d.mustHear(t, "stock-reserved", id, "") })
		}
		all.Wait()
		d.expire(t) // what one passed over because another held it
		for _, id := range ids {
			o := d.mustGet(t, owner.token, id)
			confirmed, cancelled := len(d.told(t, "order-confirmed", id)), len(d.told(t, "order-cancelled", id))
			switch {
			case o.Status == order.Cancelled && len(o.History) == 2 && cancelled == 1 && confirmed == 0:
			case o.Status == order.Confirmed && len(o.History) == 2 && cancelled == 0 && confirmed == 1:
			default:
				t.Errorf("order %s is %s after %d moves, told %d confirmed and %d cancelled", id, o.Status, len(o.History), confirmed, cancelled)
			}
		}
	})
}
