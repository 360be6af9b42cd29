package order_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

func (s testService) expire(t *testing.T) {
	t.Helper()
	s.Deliver(t, "order-expire", functiontest.NewEvent(t, "order-expire", struct{}{})).MustBe(t, http.StatusNoContent)
}

// openWithShortExpiry returns a service whose clock is ahead of its database's, so that
// orders expire as soon as they are placed.
func openWithShortExpiry(t *testing.T) testService {
	t.Helper()
	ahead := func() time.Time { return clock.System().Add(2 * time.Minute) }
	return testService{functiontest.Start(t, functions.Manifest(), "order", order.Functions, order.Migrations,
		config.Environment{"ORDER_PENDING_FOR": "1m", "ORDER_MAX_OPEN": "1000"}, functiontest.WithContract(contract), functiontest.WithClock(ahead))}
}

func TestExpire(t *testing.T) {
	t.Parallel()

	t.Run("an expired order is cancelled with a reason, and the event is published", func(t *testing.T) {
		t.Parallel()
		s := openWithShortExpiry(t)
		owner := s.customer(t)
		cup := s.mustAddProduct(t, "Cup", 500)
		pending, confirmed := s.mustPlace(t, owner, fixtures.Item(cup, 1)), s.mustPlace(t, owner, fixtures.Item(cup, 1))
		s.mustDeliverStock(t, "stock-reserved", confirmed.ID, "")
		s.expire(t)
		after := s.mustGet(t, owner.token, pending.ID)
		last := after.History[len(after.History)-1]
		if after.Status != order.Cancelled || last.Reason != "expired" || last.Actor != order.System {
			t.Errorf("after it expired: %+v", after)
		}
		if got := s.published(t, "order-cancelled", pending.ID); len(got) != 1 {
			t.Errorf("order-cancelled was published %d times", len(got))
		}
		if got := s.mustGet(t, owner.token, confirmed.ID).Status; got != order.Confirmed {
			t.Errorf("a confirmed order is %s", got)
		}
	})

	t.Run("a new order does not expire", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		owner := s.customer(t)
		o := s.mustPlace(t, owner, fixtures.Item(s.mustAddProduct(t, "Cup", 500), 1))
		s.expire(t)
		if got := s.mustGet(t, owner.token, o.ID).Status; got != order.Pending {
			t.Errorf("status is %s", got)
		}
	})

	t.Run("concurrent runs and confirmations change each order of several batches once", func(t *testing.T) {
		t.Parallel()
		s := openWithShortExpiry(t)
		owner := s.customer(t)
		cup := s.mustAddProduct(t, "Cup", 500)
		var ids []uuid.UUID
		for range 120 {
			ids = append(ids, s.mustPlace(t, owner, fixtures.Item(cup, 1)).ID)
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { s.expire(t) })
		}
		for _, id := range ids[:30] {
			all.Go(func() { s.mustDeliverStock(t, "stock-reserved", id, "") })
		}
		all.Wait()
		s.expire(t) // orders that a run skipped because another had locked them
		for _, id := range ids {
			o := s.mustGet(t, owner.token, id)
			confirmed, cancelled := len(s.published(t, "order-confirmed", id)), len(s.published(t, "order-cancelled", id))
			switch {
			case o.Status == order.Cancelled && len(o.History) == 2 && cancelled == 1 && confirmed == 0:
			case o.Status == order.Confirmed && len(o.History) == 2 && cancelled == 0 && confirmed == 1:
			default:
				t.Errorf("order %s is %s with %d history entries, with %d events of its confirmation and %d of its cancellation", id, o.Status, len(o.History), confirmed, cancelled)
			}
		}
	})
}
