package order_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

func (s testService) cancelReturn(t *testing.T, token string, id, returnID uuid.UUID) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + id.String() + "/returns/" + returnID.String() + "/cancel", Token: token})
}

func TestCancelReturn(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, admin, cup := s.customer(t), s.Tokens.Admin(t), s.mustAddProduct(t, "Cup", 500)
	mustShip := func(t *testing.T) order.Order {
		t.Helper()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 1))
		s.requestStatus(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		return o
	}

	t.Run("a customer cancels a return, and its units can be returned again", func(t *testing.T) {
		t.Parallel()
		o := mustShip(t)
		r := s.mustReturnUnits(t, owner.token, o.ID, cup, 1)
		var cancelled order.Return
		s.cancelReturn(t, owner.token, o.ID, r.ID).MustBe(t, http.StatusOK).Into(t, &cancelled)
		if cancelled.Status != order.ReturnCancelled || cancelled.ClosedAt == nil || cancelled.Refund || cancelled.Lines[0].Received != 0 {
			t.Errorf("the return is %+v", cancelled)
		}
		after := s.mustGet(t, owner.token, o.ID)
		if last := after.History[len(after.History)-1]; last.Reason != "return_cancelled" || last.Actor != order.Customer || last.Status != order.Shipped || after.Items[0].Returned != 0 {
			t.Errorf("the order is %+v", after)
		}
		if got := s.returnEvents(t, "return-cancelled", o.ID); len(got) != 1 || got[0].ReturnID != r.ID || len(got[0].Lines) != 0 || got[0].Refund || got[0].CancelledBy != order.Customer {
			t.Errorf("return-cancelled is %+v", got)
		}
		s.cancelReturn(t, owner.token, o.ID, r.ID).MustBeProblem(t, http.StatusConflict, "return_closed")
		s.receive(t, o.ID, r.ID, cup, 1).MustBeProblem(t, http.StatusConflict, "return_closed")
		s.mustReturnUnits(t, owner.token, o.ID, cup, 1)
	})

	t.Run("staff cancels every return, a customer only those of customers", func(t *testing.T) {
		t.Parallel()
		o := mustShip(t)
		r := s.mustReturnUnits(t, admin, o.ID, cup, 1)
		s.cancelReturn(t, owner.token, o.ID, r.ID).MustBeProblem(t, http.StatusConflict, "return_of_shop")
		s.cancelReturn(t, s.customer(t).token, o.ID, r.ID).MustBeProblem(t, http.StatusNotFound, "order_not_found")
		s.cancelReturn(t, s.Tokens.Staff(t, manifest.OrdersRead), o.ID, r.ID).MustBeProblem(t, http.StatusNotFound, "order_not_found")
		s.cancelReturn(t, admin, o.ID, uuid.New()).MustBeProblem(t, http.StatusNotFound, "return_not_found")
		s.cancelReturn(t, s.Tokens.Staff(t, manifest.OrdersWrite), o.ID, r.ID).MustBe(t, http.StatusOK)
		if got := s.returnEvents(t, "return-cancelled", o.ID); len(got) != 1 || got[0].CancelledBy != order.Shop {
			t.Errorf("return-cancelled is %+v", got)
		}
	})

	t.Run("a received return cannot be cancelled", func(t *testing.T) {
		t.Parallel()
		o := mustShip(t)
		r := s.mustReturnUnits(t, owner.token, o.ID, cup, 1)
		s.receive(t, o.ID, r.ID, cup, 1).MustBe(t, http.StatusOK)
		response := s.cancelReturn(t, owner.token, o.ID, r.ID)
		if response.MustBeProblem(t, http.StatusConflict, "return_closed"); !strings.Contains(string(response.Body), "received") {
			t.Errorf("got %s", response.Body)
		}
	})

	t.Run("a return is either cancelled or received, at the same time, too", func(t *testing.T) {
		t.Parallel()
		for range 5 {
			o := mustShip(t)
			r := s.mustReturnUnits(t, owner.token, o.ID, cup, 1)
			var closed atomic.Int64
			var all sync.WaitGroup
			for range 2 {
				for _, send := range []func() functiontest.Response{
					func() functiontest.Response { return s.cancelReturn(t, owner.token, o.ID, r.ID) },
					func() functiontest.Response { return s.receive(t, o.ID, r.ID, cup, 1) },
				} {
					all.Go(func() {
						if send().Status == http.StatusOK {
							closed.Add(1)
						}
					})
				}
			}
			all.Wait()
			if events := len(s.returnEvents(t, "return-cancelled", o.ID)) + len(s.returnEvents(t, "return-received", o.ID)); closed.Load() != 1 || events != 1 {
				t.Errorf("the return was closed %d times, with %d events", closed.Load(), events)
			}
		}
	})
}
