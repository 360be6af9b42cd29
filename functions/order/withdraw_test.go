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

// mustRefundUnits delivers payment-refunded about units of a product, and again.
func (s testService) mustRefundUnits(t *testing.T, id, product uuid.UUID, quantity int, restock bool) {
	t.Helper()
	e := functiontest.NewEvent(t, "payment-refunded", fixtures.PaymentRefunded(id, product, quantity, restock))
	for range 2 {
		s.Deliver(t, "order-withdraw", e).MustBe(t, http.StatusNoContent)
	}
}

func TestWithdraw(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, admin := s.customer(t), s.Tokens.Admin(t)
	cup, pot := s.mustAddProduct(t, "Cup", 500), s.mustAddProduct(t, "Pot", 3000)

	t.Run("units that are for sale again are not shipped", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 3))
		s.mustRefundUnits(t, o.ID, cup, 1, true)
		s.createShipment(t, admin, o.ID, fixtures.Object{"lines": []any{fixtures.Item(cup, 3)}}).MustBeProblem(t, http.StatusConflict, "quantity_not_shippable")
		var after order.Order
		s.requestStatus(t, admin, "ship", o.ID).MustBe(t, http.StatusOK).Into(t, &after)
		if item := after.Items[0]; after.Status != order.Shipped || item.Shipped != 2 || item.Withdrawn != 1 || item.Returned != 0 || after.Version != 4 {
			t.Errorf("after the shipment: %+v", after)
		}
		if last := after.History[2]; last.Status != order.Confirmed || last.Reason != "units_withdrawn" || last.Actor != order.System {
			t.Errorf("the entry of the history is %+v", last)
		}
		requireShipmentEvents(t, s, o.ID, []bool{true})
	})

	t.Run("refunded units that are not for sale again can be shipped", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 3))
		s.mustRefundUnits(t, o.ID, cup, 2, false)
		s.mustRefundUnits(t, o.ID, pot, 1, true) // not in the order
		s.mustShipUnits(t, o.ID, cup, 3)
		if after := s.mustGet(t, owner.token, o.ID); after.Version != 3 || after.Items[0].Withdrawn != 0 {
			t.Errorf("after the shipment: %+v", after)
		}
	})

	t.Run("an order of which nothing remains is cancelled, not shipped", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 2), fixtures.Item(pot, 1))
		s.mustRefundUnits(t, o.ID, cup, 2, true)
		s.mustRefundUnits(t, o.ID, pot, 1, true)
		s.requestStatus(t, admin, "ship", o.ID).MustBeProblem(t, http.StatusConflict, "nothing_to_ship")
		s.createShipment(t, admin, o.ID, fixtures.Object{}).MustBeProblem(t, http.StatusConflict, "nothing_to_ship")
		s.cancel(t, admin, o.ID).MustBe(t, http.StatusOK)
		s.mustRefundUnits(t, o.ID, pot, 1, true)
		s.requirePath(t, owner.token, o.ID, order.Pending, order.Confirmed, order.Confirmed, order.Confirmed, order.Cancelled)
	})

	t.Run("a partially shipped order of which nothing remains is shipped", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 2), fixtures.Item(pot, 1))
		s.mustShipUnits(t, o.ID, cup, 1)
		s.mustRefundUnits(t, o.ID, cup, 1, true)
		s.mustRefundUnits(t, o.ID, pot, 1, true)
		s.requirePath(t, owner.token, o.ID, order.Pending, order.Confirmed, order.PartiallyShipped, order.PartiallyShipped, order.Shipped)
		if got := s.published(t, "order-shipped", o.ID); len(got) != 1 || got[0].Reason != "units_withdrawn" {
			t.Errorf("published order-shipped %+v", got)
		}
		s.requestStatus(t, admin, "deliver", o.ID).MustBe(t, http.StatusOK)
	})

	t.Run("the event of a missing order fails, so that it is redelivered", func(t *testing.T) {
		t.Parallel()
		for _, payload := range []fixtures.Object{fixtures.PaymentRefunded(uuid.New(), cup, 1, true), fixtures.PaymentRefunded(uuid.Nil, cup, 1, true), fixtures.PaymentRefunded(uuid.New(), cup, -1, true)} {
			e := functiontest.NewEvent(t, "payment-refunded", payload)
			s.Deliver(t, "order-withdraw", e).MustBeProblem(t, http.StatusInternalServerError, "internal")
		}
	})
}

// TestWithdrawReturned refunds units that were shipped, and are for sale again: they have come back, and
// are not received a second time by a return.
func TestWithdrawReturned(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, admin := s.customer(t), s.Tokens.Admin(t)
	cup := s.mustAddProduct(t, "Cup", 500)

	t.Run("they cannot be returned", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 3))
		s.mustShipUnits(t, o.ID, cup, 2)
		s.mustRefundUnits(t, o.ID, cup, 2, true) // the unit that remains, and one that has come back
		after := s.mustGet(t, owner.token, o.ID)
		if item := after.Items[0]; after.Status != order.Shipped || item.Shipped != 2 || item.Withdrawn != 1 || item.Returned != 1 {
			t.Fatalf("after the refund: %+v", after)
		}
		s.Do(t, fixtures.CreateReturn(owner.token, o.ID, returned(fixtures.Item(cup, 2)))).MustBeProblem(t, http.StatusConflict, "quantity_not_returnable")
		r := s.mustReturnUnits(t, owner.token, o.ID, cup, 1)
		s.receive(t, o.ID, r.ID, cup, 1).MustBe(t, http.StatusOK)
		s.mustRefundUnits(t, o.ID, cup, 1, true) // there is no such unit
		if item := s.mustGet(t, owner.token, o.ID).Items[0]; item.Returned != 2 || item.Withdrawn != 1 {
			t.Errorf("after the return: %+v", item)
		}
	})

	t.Run("an open return of them is not received", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 2))
		s.requestStatus(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		r := s.mustReturnUnits(t, owner.token, o.ID, cup, 2)
		s.mustRefundUnits(t, o.ID, cup, 1, true)
		s.receive(t, o.ID, r.ID, cup, 2).MustBeProblem(t, http.StatusConflict, "quantity_not_returned")
		s.Do(t, fixtures.CreateReturn(owner.token, o.ID, returned(fixtures.Item(cup, 1)))).MustBeProblem(t, http.StatusConflict, "quantity_not_returnable")
		s.receive(t, o.ID, r.ID, cup, 1).MustBe(t, http.StatusOK)
		if item := s.mustGet(t, owner.token, o.ID).Items[0]; item.Returned != 2 {
			t.Errorf("%d of 2 units have come back", item.Returned)
		}
	})
}

// TestWithdrawRaces refunds, ships and returns units of an order at the same time: no unit is both
// shipped and withdrawn, none comes back twice, and the status agrees with the shipments.
func TestWithdrawRaces(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner := s.customer(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	for range 5 {
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 6))
		s.mustShipUnits(t, o.ID, cup, 2)
		r := s.mustReturnUnits(t, owner.token, o.ID, cup, 2)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { s.mustRefundUnits(t, o.ID, cup, 1, true) })
			all.Go(func() {
				s.createShipment(t, s.Tokens.Admin(t), o.ID, fixtures.Object{"lines": []any{fixtures.Item(cup, 1)}})
			})
		}
		all.Go(func() { s.receive(t, o.ID, r.ID, cup, 2) })
		all.Wait()
		after := s.mustGet(t, owner.token, o.ID)
		item := after.Items[0]
		shipped, _ := shippedUnits(after)
		if item.Shipped+item.Withdrawn > item.Quantity || item.Returned > item.Shipped || shipped[cup] != item.Shipped {
			t.Errorf("of %d units, %d are shipped (%d by shipments), %d withdrawn and %d returned", item.Quantity, item.Shipped, shipped[cup], item.Withdrawn, item.Returned)
		}
		if complete := item.Shipped+item.Withdrawn == item.Quantity; complete != (after.Status == order.Shipped) {
			t.Errorf("the order is %s, with %d of %d units shipped and %d withdrawn", after.Status, item.Shipped, item.Quantity, item.Withdrawn)
		}
	}
}
