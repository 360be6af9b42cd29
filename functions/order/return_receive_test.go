package order_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/manifest"
)

func TestReturns(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, admin := s.customer(t), s.Tokens.Admin(t)
	cup, pot := s.mustAddProduct(t, "Cup", 500), s.mustAddProduct(t, "Pot", 3000)
	requireConflict := func(t *testing.T, token string, id uuid.UUID, code string, lines ...map[string]any) {
		t.Helper()
		s.Do(t, fixtures.CreateReturn(token, id, returned(lines...))).MustBeProblem(t, http.StatusConflict, code)
	}

	t.Run("shipped units are returned once, and received as the shop decides", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 3), fixtures.Item(pot, 1))
		requireConflict(t, owner.token, o.ID, "order_not_returnable", fixtures.Item(cup, 1))
		s.mustShipUnits(t, o.ID, cup, 2)
		requireConflict(t, owner.token, o.ID, "quantity_not_returnable", fixtures.Item(cup, 3))
		requireConflict(t, owner.token, o.ID, "quantity_not_returnable", fixtures.Item(pot, 1))
		requireConflict(t, owner.token, o.ID, "line_not_ordered", fixtures.Item(uuid.New(), 1))
		r := s.mustReturnUnits(t, owner.token, o.ID, cup, 2)
		requireConflict(t, admin, o.ID, "quantity_not_returnable", fixtures.Item(cup, 1))
		s.receive(t, o.ID, r.ID, cup, 3).MustBeProblem(t, http.StatusConflict, "quantity_not_returned")
		s.receive(t, o.ID, r.ID, pot, 1).MustBeProblem(t, http.StatusConflict, "line_not_returned")
		s.receive(t, o.ID, uuid.New(), cup, 1).MustBeProblem(t, http.StatusNotFound, "return_not_found")
		s.receive(t, o.ID, r.ID, cup, 1).MustBe(t, http.StatusOK)
		s.receive(t, o.ID, r.ID, cup, 1).MustBeProblem(t, http.StatusConflict, "return_closed")
		after := s.mustGet(t, owner.token, o.ID)
		if got := after.Items[0]; got.Shipped != 2 || got.Returned != 1 || after.Status != order.PartiallyShipped || after.Version != 5 {
			t.Errorf("after the return: %+v", after)
		}
		if got := after.Returns; len(got) != 1 || got[0].Status != order.ReturnReceived || !got[0].Refund || got[0].Lines[0].Received != 1 || !got[0].Lines[0].Restock || got[0].ClosedAt == nil {
			t.Errorf("the returns are %+v", got)
		}
		s.mustReturnUnits(t, owner.token, o.ID, cup, 1) // the one that had not arrived
		created, received := s.returnEvents(t, "return-created", o.ID), s.returnEvents(t, "return-received", o.ID)
		if len(created) != 2 || created[0].Lines[0].Quantity != 2 || created[0].Lines[0].Name != "Cup" || created[0].Lines[0].Restock {
			t.Errorf("return-created is %+v", created)
		}
		if len(received) != 1 || received[0].ReturnID != r.ID || !received[0].Refund || len(received[0].Lines) != 1 || received[0].Lines[0].Quantity != 1 || !received[0].Lines[0].Restock {
			t.Errorf("return-received is %+v", received)
		}
		if last := after.History[len(after.History)-1]; last.Reason != "return_received" || last.Actor != order.Shop || last.Status != order.PartiallyShipped {
			t.Errorf("the last entry of the history is %+v", last)
		}
	})

	t.Run("a refund needs a permission of its own", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 1))
		s.requestStatus(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		r := s.mustReturnUnits(t, owner.token, o.ID, cup, 1)
		warehouse, body := s.Tokens.Staff(t, manifest.OrdersWrite), returned(fixtures.Item(cup, 1))
		body["refund"] = true
		refused := s.Do(t, fixtures.ReceiveReturn(warehouse, o.ID, r.ID, body))
		if refused.MustBeProblem(t, http.StatusForbidden, "forbidden"); !strings.Contains(string(refused.Body), "refunds.write") {
			t.Errorf("the 403 does not name the permission: %s", refused.Body)
		}
		body["refund"] = false
		s.Do(t, fixtures.ReceiveReturn(warehouse, o.ID, r.ID, body)).MustBe(t, http.StatusOK)
	})

	t.Run("a return of which nothing has arrived is rejected", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 1))
		s.requestStatus(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		r := s.mustReturnUnits(t, owner.token, o.ID, cup, 1)
		s.receive(t, o.ID, r.ID, cup, 0).MustBe(t, http.StatusOK)
		after := s.mustGet(t, owner.token, o.ID)
		if got := after.Returns[0]; got.Status != order.ReturnRejected || got.Refund || after.Items[0].Returned != 0 {
			t.Errorf("got %+v", after)
		}
		if got := s.returnEvents(t, "return-rejected", o.ID); len(got) != 1 || got[0].ReturnID != r.ID || len(got[0].Lines) != 0 || got[0].Refund {
			t.Errorf("return-rejected is %+v", got)
		}
		if got := s.returnEvents(t, "return-received", o.ID); len(got) != 0 {
			t.Errorf("nothing was received, and return-received is %+v", got)
		}
		s.requestStatus(t, admin, "deliver", o.ID).MustBe(t, http.StatusOK)
		s.mustReturnUnits(t, owner.token, o.ID, cup, 1)
	})

	t.Run("an order without shipments that was shipped before they were stored is returned", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 1))
		s.requestStatus(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		for _, table := range []string{"shipment", "shipment_item"} {
			if _, err := s.DB.ExecContext(t.Context(), `DELETE FROM `+table+` WHERE order_id = ?`, o.ID[:]); err != nil {
				t.Fatal(err)
			}
		}
		s.mustReturnUnits(t, owner.token, o.ID, cup, 1)
		requireConflict(t, owner.token, o.ID, "quantity_not_returnable", fixtures.Item(cup, 1))
	})

	t.Run("the guest of an order returns it, and no other customer", func(t *testing.T) {
		t.Parallel()
		own := open(t)
		own.mustUpdateSettings(t, map[string]any{"currency": "EUR"})
		cup := own.mustAddProduct(t, "Cup", 500)
		c := own.mustCreateCheckout(t, "", checkoutBody(fixtures.Item(cup, 1)))
		var o order.Order
		own.completeCheckout(t, c.Token, c).MustBe(t, http.StatusOK).Into(t, &o)
		own.mustDeliverStock(t, "stock-reserved", o.ID, "")
		own.requestStatus(t, own.Tokens.Admin(t), "ship", o.ID).MustBe(t, http.StatusOK)
		own.Do(t, fixtures.CreateReturn(own.customer(t).token, o.ID, returned(fixtures.Item(cup, 1)))).MustBeProblem(t, http.StatusNotFound, "order_not_found")
		if r := own.mustReturnUnits(t, c.Token, o.ID, cup, 1); r.RequestedBy != order.Customer {
			t.Errorf("requested by %s", r.RequestedBy)
		}
		if got := own.mustGet(t, c.Token, o.ID); len(got.Shipments) != 1 || len(got.Returns) != 1 {
			t.Errorf("the guest sees %+v", got)
		}
		if got := own.returnEvents(t, "return-created", o.ID); len(got) != 1 || got[0].Email != "Amira@Example.com" {
			t.Errorf("return-created is %+v", got)
		}
	})
}

// TestReturnRaces returns and receives the same units at the same time: no unit is returned twice,
// and no return is received twice.
func TestReturnRaces(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner := s.customer(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	for range 5 {
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 5))
		s.mustShipUnits(t, o.ID, cup, 4)
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				s.Do(t, fixtures.CreateReturn(owner.token, o.ID, returned(fixtures.Item(cup, 2))))
			})
		}
		all.Go(func() { s.createShipment(t, s.Tokens.Admin(t), o.ID, fixtures.Object{}).MustBe(t, http.StatusCreated) })
		all.Wait()
		returns := s.mustGet(t, owner.token, o.ID).Returns
		if len(returns) != 2 {
			t.Fatalf("%d returns of two of five units, want 2", len(returns))
		}
		for range 4 {
			for _, r := range returns {
				all.Go(func() { s.receive(t, o.ID, r.ID, cup, 2) })
			}
		}
		all.Wait()
		after := s.mustGet(t, owner.token, o.ID)
		if got := s.returnEvents(t, "return-received", o.ID); len(got) != 2 || after.Items[0].Returned != 4 {
			t.Errorf("return-received was published %d times, and %d units are returned; want 2 and 4", len(got), after.Items[0].Returned)
		}
	}
}
