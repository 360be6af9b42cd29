package order_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

// returned returns a body that returns units of a product, or the line of one that has arrived.
func returned(lines ...map[string]any) fixtures.Object { return fixtures.Object{"lines": lines} }

// mustReturnUnits announces the return of units of a product.
func (s testService) mustReturnUnits(t *testing.T, token string, id, product uuid.UUID, quantity int) order.Return {
	t.Helper()
	var r order.Return
	s.Do(t, fixtures.CreateReturn(token, id, returned(fixtures.Item(product, quantity)))).MustBe(t, http.StatusCreated).Into(t, &r)
	return r
}

// receive receives units of a return, to be refunded and restocked.
func (s testService) receive(t *testing.T, id, returnID, product uuid.UUID, quantity int) functiontest.Response {
	t.Helper()
	line := fixtures.Item(product, quantity)
	line["restock"] = true
	body := returned(line)
	body["refund"] = true
	return s.Do(t, fixtures.ReceiveReturn(s.Tokens.Admin(t), id, returnID, body))
}

// returnEvents returns the events of a type about the returns of an order.
func (s testService) returnEvents(t *testing.T, eventType string, id uuid.UUID) (events []order.ReturnChanged) {
	t.Helper()
	for _, e := range s.Published.Events(eventType) {
		var changed order.ReturnChanged
		if err := json.Unmarshal(e.Payload, &changed); err != nil {
			t.Fatal(err)
		}
		if changed.OrderID == id {
			events = append(events, changed)
		}
	}
	return events
}

// TestReturnPeriod returns units after the period of the setting: customers cannot, admins can.
func TestReturnPeriod(t *testing.T) {
	t.Parallel()
	s := openWith(t, config.Environment{"ORDER_RETURN_FOR": "48h"})
	owner := s.customer(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 3))
	s.mustShipUnits(t, o.ID, cup, 2)
	age := func(d time.Duration) {
		if _, err := s.DB.ExecContext(t.Context(), `UPDATE shipment SET created_at = ? WHERE order_id = ?`, time.Now().Add(-d).UTC(), o.ID[:]); err != nil {
			t.Fatal(err)
		}
	}
	age(47 * time.Hour)
	s.mustReturnUnits(t, owner.token, o.ID, cup, 1)
	age(49 * time.Hour)
	s.Do(t, fixtures.CreateReturn(owner.token, o.ID, returned(fixtures.Item(cup, 1)))).MustBeProblem(t, http.StatusConflict, "return_period_ended")
	s.mustReturnUnits(t, s.Tokens.Admin(t), o.ID, cup, 1)
	s.mustShipUnits(t, o.ID, cup, 1)
	s.mustReturnUnits(t, owner.token, o.ID, cup, 1) // the period is that of the last shipment
}

// TestCustomerReturnLimit requires that customers create a limited number of returns of an order, with those that
// they cancel, and that staff can create others then.
func TestCustomerReturnLimit(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, admin, cup := s.customer(t), s.Tokens.Admin(t), s.mustAddProduct(t, "Cup", 500)
	o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 2))
	s.mustShipUnits(t, o.ID, cup, 2)
	ofShop := s.mustReturnUnits(t, admin, o.ID, cup, 1)
	for range 10 {
		s.cancelReturn(t, owner.token, o.ID, s.mustReturnUnits(t, owner.token, o.ID, cup, 1).ID).MustBe(t, http.StatusOK)
	}
	s.Do(t, fixtures.CreateReturn(owner.token, o.ID, returned(fixtures.Item(cup, 1)))).MustBeProblem(t, http.StatusConflict, "too_many_returns")
	s.mustReturnUnits(t, admin, o.ID, cup, 1)
	s.cancelReturn(t, admin, o.ID, ofShop.ID).MustBe(t, http.StatusOK)
	s.mustReturnUnits(t, admin, o.ID, cup, 1)
}
