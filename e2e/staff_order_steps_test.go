package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/payment"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// orderSteps ship the order, take units back and refund them.
var orderSteps = []staffStep{
	{
		name: "ship a part", needs: needs(manifest.OrdersWrite), changesOrder: "shipment-create",
		request: func(d *staffDay) functiontest.Request {
			return fixtures.CreateShipment("", d.order.ID, map[string]any{
				"carrier": "DHL", "trackingNumber": "JJD" + d.mark, "trackingUrl": "https://www.dhl.com/track?id=JJD" + d.mark, "lines": []any{fixtures.Item(d.cup.ID, 2)},
			})
		},
		check: func(t *testing.T, d *staffDay, _ functiontest.Response) {
			t.Helper()
			o := d.read(t)
			if o.Status != order.PartiallyShipped || len(o.Shipments) != 1 || o.Shipments[0].Carrier != "DHL" || o.Shipments[0].TrackingNumber != "JJD"+d.mark {
				t.Errorf("the order is %s with the shipments %+v", o.Status, o.Shipments)
			}
			if mail := d.mustReadMails(t, d.customer.Email, "on its way")[0]; !strings.Contains(mail.Text, "JJD"+d.mark) || !strings.Contains(mail.Text, d.order.Number) {
				t.Errorf("the mail is\n%s", mail.Text)
			}
			d.awaitPayment(t, d.owner.token, d.order.ID, "captured", func(p payment.Payment) bool { return p.Status == payment.Captured && p.Captured == d.order.Total })
			d.awaitReserved(t, d.cup, dayCups-2)
			d.awaitReserved(t, d.pot, dayPots)
		},
	}, {
		name: "ship the others", needs: needs(manifest.OrdersWrite), changesOrder: "shipment-create",
		request: func(d *staffDay) functiontest.Request {
			return fixtures.CreateShipment("", d.order.ID, map[string]any{"carrier": "UPS", "trackingNumber": "1Z" + d.mark})
		},
		check: func(t *testing.T, d *staffDay, _ functiontest.Response) {
			t.Helper()
			o := d.read(t)
			if o.Status != order.Shipped || len(o.Shipments) != 2 {
				t.Fatalf("the order is %s with the shipments %+v", o.Status, o.Shipments)
			}
			for _, units := range []order.Units{{ProductID: d.cup.ID, Quantity: 1}, {ProductID: d.pot.ID, Quantity: dayPots}} {
				if lines := o.Shipments[1].Lines; len(lines) != 2 || !slices.Contains(lines, units) {
					t.Errorf("the second shipment has %+v, want %+v", lines, units)
				}
			}
			d.awaitReserved(t, d.cup, 0)
			d.awaitReserved(t, d.pot, 0)
		},
	}, {
		name: "read the payment", needs: needs(manifest.OrdersRead),
		request: get(func(d *staffDay) string { return "/v1/orders/" + d.order.ID.String() + "/payment" }),
		check: func(t *testing.T, d *staffDay, r functiontest.Response) {
			t.Helper()
			var p payment.Payment
			if r.Into(t, &p); p.Status != payment.Captured || p.Captured != d.order.Total || p.Refunded.Amount != 0 {
				t.Errorf("got %s", r.Body)
			}
		},
	}, {
		name: "deliver", needs: needs(manifest.OrdersWrite), changesOrder: "order-deliver",
		request: func(d *staffDay) functiontest.Request { return fixtures.ChangeOrderStatus("", d.order.ID, "deliver") },
		check: func(t *testing.T, d *staffDay, _ functiontest.Response) {
			t.Helper()
			if o := d.read(t); o.Status != order.Delivered {
				t.Errorf("the order is %s", o.Status)
			}
		},
	}, {
		name: "receive a return with its refund", needs: needs(manifest.OrdersWrite, manifest.RefundsWrite), changesOrder: "return-receive",
		prepare: func(t *testing.T, d *staffDay) { t.Helper(); d.announceReturn(t, d.cup) },
		request: func(d *staffDay) functiontest.Request { return d.receive(d.cup, true) },
		check: func(t *testing.T, d *staffDay, _ functiontest.Response) {
			t.Helper()
			d.awaitRefunded(t, priceOfUnit)
			d.awaitStock(t, d.cup, dayStock-dayCups+1)
		},
	}, {
		name: "receive a return without a refund", needs: needs(manifest.OrdersWrite), changesOrder: "return-receive",
		prepare: func(t *testing.T, d *staffDay) { t.Helper(); d.announceReturn(t, d.pot) },
		request: func(d *staffDay) functiontest.Request { return d.receive(d.pot, false) },
		check: func(t *testing.T, d *staffDay, _ functiontest.Response) {
			t.Helper()
			d.awaitStock(t, d.pot, dayStock-dayPots+1)
			if o := d.read(t); len(o.Returns) != 2 || o.Returns[1].Status != order.ReturnReceived || o.Returns[1].Refund {
				t.Errorf("the returns are %+v", o.Returns)
			}
		},
	}, {
		name: "refund a line", needs: needs(manifest.RefundsWrite),
		request: func(d *staffDay) functiontest.Request {
			return functiontest.Request{Method: http.MethodPost, Path: "/v1/orders/" + d.order.ID.String() + "/refunds",
				Body: map[string]any{"lines": []any{fixtures.Item(d.cup.ID, 1)}, "restock": true, "reason": "arrived broken"}}
		},
		check: func(t *testing.T, d *staffDay, _ functiontest.Response) {
			t.Helper()
			d.awaitRefunded(t, 2*priceOfUnit)
			d.awaitStock(t, d.cup, dayStock-dayCups+2)
			eventually(t, "the order has two cups less", func() bool {
				return slices.ContainsFunc(d.read(t).Items, func(i order.Item) bool { return i.ProductID == d.cup.ID && i.Returned == 2 })
			})
			d.requireTrail(t, "payments", d.order.ID, "refund-create")
		},
	}, {
		name: "read the trail", needs: needs(manifest.TrailRead),
		request: get(func(d *staffDay) string { return "/v1/trail/orders?pageSize=100&resourceId=" + d.order.ID.String() }),
		check:   func(t *testing.T, d *staffDay, r functiontest.Response) { t.Helper(); d.requireOrderTrail(t, r) },
	},
}
