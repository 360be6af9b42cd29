package order_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/shared/function/functiontest"
)

// createShipment requests a shipment of an order.
func (s testService) createShipment(t *testing.T, token string, id uuid.UUID, shipment fixtures.Object) functiontest.Response {
	t.Helper()
	return s.Do(t, fixtures.CreateShipment(token, id, shipment))
}

// mustShipUnits ships units of one product of an order.
func (s testService) mustShipUnits(t *testing.T, id, product uuid.UUID, quantity int) order.Shipment {
	t.Helper()
	var shipment order.Shipment
	body := fixtures.Object{"lines": []any{fixtures.Item(product, quantity)}}
	s.createShipment(t, s.Tokens.Admin(t), id, body).MustBe(t, http.StatusCreated).Into(t, &shipment)
	return shipment
}

// mustConfirmItems places an order of items and delivers stock-reserved for it.
func (s testService) mustConfirmItems(t *testing.T, by customer, items ...map[string]any) order.Order {
	t.Helper()
	o := s.mustPlace(t, by, items...)
	s.mustDeliverStock(t, "stock-reserved", o.ID, "")
	return o
}

// shippedUnits returns how much of each item of an order was shipped, from its shipments and its items.
func shippedUnits(o order.Order) (fromShipments, fromItems map[uuid.UUID]int64) {
	fromShipments, fromItems = map[uuid.UUID]int64{}, map[uuid.UUID]int64{}
	for _, shipment := range o.Shipments {
		for _, line := range shipment.Lines {
			fromShipments[line.ProductID] += line.Quantity
		}
	}
	for _, item := range o.Items {
		if item.Shipped > 0 {
			fromItems[item.ProductID] = item.Shipped
		}
	}
	return fromShipments, fromItems
}

func TestShipmentCreate(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, admin := s.customer(t), s.Tokens.Admin(t)
	cup, pot := s.mustAddProduct(t, "Cup", 500), s.mustAddProduct(t, "Pot", 3000)

	t.Run("an order is shipped in parts, and its customer sees where they are", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 3), fixtures.Item(pot, 1))
		first := fixtures.Object{
			"carrier": "DHL", "trackingNumber": "003404", "trackingUrl": "https://carrier.example/track?id=003404",
			"lines": []any{fixtures.Item(cup, 2)},
		}
		s.createShipment(t, admin, o.ID, first).MustBe(t, http.StatusCreated)
		s.cancel(t, owner.token, o.ID).MustBeProblem(t, http.StatusConflict, "order_not_cancellable")
		s.requestStatus(t, admin, "deliver", o.ID).MustBeProblem(t, http.StatusConflict, "order_not_deliverable")
		after := s.mustGet(t, owner.token, o.ID)
		if after.Status != order.PartiallyShipped || after.Items[0].Shipped != 2 || after.Items[1].Shipped != 0 || len(after.Shipments) != 1 {
			t.Fatalf("after the first shipment: %+v", after)
		}
		if got := after.Shipments[0]; got.TrackingURL != first["trackingUrl"] || got.TrackingNumber != "003404" || got.Carrier != "DHL" {
			t.Errorf("the shipment is %+v", got)
		}
		s.mustShipUnits(t, o.ID, cup, 1)
		s.createShipment(t, admin, o.ID, fixtures.Object{}).MustBe(t, http.StatusCreated)
		s.createShipment(t, admin, o.ID, fixtures.Object{}).MustBeProblem(t, http.StatusConflict, "order_not_shippable")
		s.requirePath(t, owner.token, o.ID, order.Pending, order.Confirmed, order.PartiallyShipped, order.PartiallyShipped, order.Shipped)
		requireShipmentEvents(t, s, o.ID, []bool{false, false, true})
		last := s.mustGet(t, owner.token, o.ID)
		if got := s.published(t, "order-shipped", o.ID); len(got) != 1 || got[0].Shipment == nil || got[0].Shipment.ShipmentID != last.Shipments[2].ID || len(got[0].Items) != 2 {
			t.Errorf("published order-shipped %+v", got)
		}
		if want := last.Version; want != 5 {
			t.Errorf("version is %d, want one for each shipment", want)
		}
		s.requestStatus(t, admin, "deliver", o.ID).MustBe(t, http.StatusOK)
	})

	t.Run("units that are not there are refused, and nothing is shipped", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 2))
		for code, lines := range map[string][]any{
			"quantity_not_shippable": {fixtures.Item(cup, 3)}, "line_not_ordered": {fixtures.Item(cup, 1), fixtures.Item(pot, 1)},
		} {
			s.createShipment(t, admin, o.ID, fixtures.Object{"lines": lines}).MustBeProblem(t, http.StatusConflict, code)
		}
		s.createShipment(t, admin, o.ID, fixtures.Object{"lines": []any{fixtures.Item(cup, 1), fixtures.Item(cup, 1)}}).MustBe(t, http.StatusBadRequest)
		if after := s.mustGet(t, owner.token, o.ID); after.Status != order.Confirmed || len(after.Shipments) != 0 {
			t.Errorf("after refused shipments: %+v", after)
		}
	})

	t.Run("a link that customers must not open is refused", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 1))
		for _, link := range []string{
			"http://carrier.example/1", "javascript:alert(1)", "https://", "https:///1", "carrier.example/1", "https://shop@evil.example/1",
			"https://carrier.example/ 1", "https://carrier.example/\"><script>", "https://carrier.exämple/1", "https:carrier.example", "//carrier.example/1", "https://localhost/1",
		} {
			response := s.createShipment(t, admin, o.ID, fixtures.Object{"trackingUrl": link}).MustBe(t, http.StatusBadRequest)
			if !strings.Contains(string(response.Body), `"location":"body.trackingUrl"`) {
				t.Errorf("%s: got %s", link, response.Body)
			}
		}
	})

	t.Run("an order that was shipped before shipments were stored has all units shipped", func(t *testing.T) {
		t.Parallel()
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 2))
		s.requestStatus(t, admin, "ship", o.ID).MustBe(t, http.StatusOK)
		for _, table := range []string{"shipment", "shipment_item"} {
			if _, err := s.DB.ExecContext(t.Context(), `DELETE FROM `+table+` WHERE order_id = ?`, o.ID[:]); err != nil {
				t.Fatal(err)
			}
		}
		if after := s.mustGet(t, owner.token, o.ID); after.Items[0].Shipped != 2 || after.Shipments != nil {
			t.Errorf("got %+v", after)
		}
	})
}

// requireShipmentEvents requires the events shipment-created of an order, one for each shipment in
// their order: the last one completes it.
func requireShipmentEvents(t *testing.T, s testService, id uuid.UUID, complete []bool) {
	t.Helper()
	shipments := s.mustGet(t, s.Tokens.Admin(t), id).Shipments
	events := s.published(t, "shipment-created", id)
	if len(events) != len(complete) || len(shipments) != len(complete) {
		t.Fatalf("%d shipments, and %d events shipment-created, want %d", len(shipments), len(events), len(complete))
	}
	for i, e := range events {
		lines, err := json.Marshal(e.Shipment.Lines)
		if err != nil {
			t.Fatal(err)
		}
		if e.Shipment.ShipmentID != shipments[i].ID || e.Shipment.Complete != complete[i] || e.Shipment.TrackingURL != shipments[i].TrackingURL || len(e.Shipment.Lines) != len(shipments[i].Lines) || e.Shipment.Lines[0].Name == "" {
			t.Errorf("event %d is about %+v with %s, the shipment is %+v", i, e.Shipment, lines, shipments[i])
		}
	}
}

// TestShipmentRaces ships and cancels orders at the same time: no unit is shipped twice, and no order
// with a shipment is cancelled.
func TestShipmentRaces(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, admin := s.customer(t), s.Tokens.Admin(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	for round := range 8 {
		o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 5))
		statuses := make(chan int, 8)
		var all sync.WaitGroup
		for range 7 {
			all.Go(func() {
				statuses <- s.createShipment(t, admin, o.ID, fixtures.Object{"lines": []any{fixtures.Item(cup, 2)}}).Status
			})
		}
		if round%2 == 0 {
			all.Go(func() { s.cancel(t, owner.token, o.ID) })
		} else {
			all.Go(func() { statuses <- s.requestStatus(t, admin, "ship", o.ID).Status })
		}
		all.Wait()
		close(statuses)
		created := 0
		for status := range statuses {
			switch status {
			case http.StatusOK, http.StatusCreated:
				created++
			case http.StatusConflict:
			default:
				t.Errorf("the status of a response is %d, want 200, 201 or 409", status)
			}
		}
		requireShipped(t, s, o.ID, created)
	}
}

// requireShipped requires that an order has as many shipments as were acknowledged, that its status
// agrees with them, and that none has units that were not ordered.
func requireShipped(t *testing.T, s testService, id uuid.UUID, acknowledged int) {
	t.Helper()
	o := s.mustGet(t, s.Tokens.Admin(t), id)
	fromShipments, fromItems := shippedUnits(o)
	if fmt.Sprint(fromShipments) != fmt.Sprint(fromItems) || len(o.Shipments) != acknowledged {
		t.Errorf("shipments of %v and items with %v; %d of %d shipments", fromShipments, fromItems, len(o.Shipments), acknowledged)
	}
	units, ordered := fromShipments[o.Items[0].ProductID], o.Items[0].Quantity
	want := order.PartiallyShipped
	switch {
	case units > ordered:
		t.Errorf("%d of %d units were shipped", units, ordered)
	case units == ordered:
		want = order.Shipped
	case units == 0:
		want = order.Cancelled
	}
	if o.Status != want {
		t.Errorf("the order is %s with %d of %d units shipped, want %s", o.Status, units, ordered, want)
	}
	shipped := 0
	if want == order.Shipped {
		shipped = 1
	}
	if got := len(s.published(t, "order-shipped", id)); got != shipped {
		t.Errorf("order-shipped was published %d times, want %d", got, shipped)
	}
	if got := len(s.published(t, "shipment-created", id)); got != acknowledged {
		t.Errorf("shipment-created was published %d times, want %d", got, acknowledged)
	}
}

// TestShipAfterErasure ships and returns units of a partially shipped order whose customer was deleted: what
// leads to the person is not stored again.
func TestShipAfterErasure(t *testing.T) {
	t.Parallel()
	s := open(t)
	owner, admin := s.customer(t), s.Tokens.Admin(t)
	cup := s.mustAddProduct(t, "Cup", 500)
	o := s.mustConfirmItems(t, owner, fixtures.Item(cup, 2))
	s.mustShipUnits(t, o.ID, cup, 1)
	s.mustDeleteUser(t, owner.UserID)
	tracked := fixtures.Object{"carrier": "DHL", "trackingNumber": "003404", "trackingUrl": "https://carrier.example/track?id=003404"}
	s.createShipment(t, admin, o.ID, tracked).MustBe(t, http.StatusCreated)
	body := returned(fixtures.Item(cup, 1))
	body["reason"] = "Ada called"
	s.Do(t, fixtures.CreateReturn(admin, o.ID, body)).MustBe(t, http.StatusCreated)
	after := s.mustGet(t, admin, o.ID)
	if last := after.Shipments[1]; last.Tracking != (order.Tracking{Carrier: "DHL"}) {
		t.Errorf("the shipment is %+v", last)
	}
	if r := after.Returns[0]; r.Reason != "" {
		t.Errorf("the return is %+v", r)
	}
	published := s.published(t, "shipment-created", o.ID)
	if len(published) != 2 {
		t.Fatalf("%d events are published, want 2", len(published))
	}
	for _, e := range published {
		if e.Shipment.TrackingNumber != "" || e.Shipment.TrackingURL != "" {
			t.Errorf("shipment-created is about %+v", e.Shipment)
		}
	}
}
