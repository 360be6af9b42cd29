package e2e_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/payment"
	"souk/functions/product"
	"souk/functions/user"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/trail"
)

// announceReturn announces, as the customer, that a unit of a product comes back.
func (d *staffDay) announceReturn(t *testing.T, p product.Product) {
	t.Helper()
	var r order.Return
	d.system.do(t, fixtures.CreateReturn(d.buyer, d.order.ID, map[string]any{"lines": []any{fixtures.Item(p.ID, 1)}, "reason": "does not fit"})).
		MustBe(t, http.StatusCreated).Into(t, &r)
	d.returned = r.ID
}

// receive returns a request to receive a unit of the open return, which is for sale again.
func (d *staffDay) receive(p product.Product, refund bool) functiontest.Request {
	line := fixtures.Item(p.ID, 1)
	line["restock"] = true
	return fixtures.ReceiveReturn("", d.order.ID, d.returned, map[string]any{"lines": []any{line}, "refund": refund})
}

// requireTrail requires that the newest entry about a resource by a function has the member of the last
// step as its actor.
func (d *staffDay) requireTrail(t *testing.T, list string, resource uuid.UUID, function string) {
	t.Helper()
	var page api.Page[trail.Entry]
	d.system.do(t, getRequest(d.owner.token, "/v1/trail/"+list+"?resourceId="+resource.String()+"&operation="+function)).MustBe(t, http.StatusOK).Into(t, &page)
	// A refund has further entries of its request: what the provider has responded.
	i := slices.IndexFunc(page.Items, func(e trail.Entry) bool { return e.Actor.Kind == trail.Staff })
	if i < 0 || page.Items[i].Actor.ID == nil || *page.Items[i].Actor.ID != d.by.id || page.Items[i].Actor.Role != string(d.by.role) || len(page.Items[i].Changes) == 0 {
		t.Errorf("the entries of %s are %+v, want one of %+v", function, page.Items, d.by)
	}
}

// requireOrderTrail requires that a list has every change of the order with its actor: it was placed by
// the customer, confirmed by functions, changed by staff, and returned by the customer; a function has
// counted the refunded unit that is for sale again.
func (d *staffDay) requireOrderTrail(t *testing.T, r functiontest.Response) {
	t.Helper()
	var page api.Page[trail.Entry]
	r.Into(t, &page)
	var byStaff []staffChange
	counts, byFunction := map[trail.Kind]int{}, map[string]bool{}
	for _, e := range slices.Backward(page.Items) {
		counts[e.Actor.Kind]++
		switch {
		case e.Resource.ID == nil || *e.Resource.ID != d.order.ID || e.RequestID == "" && e.Actor.Kind != trail.Function || len(e.Changes) == 0:
			t.Errorf("an entry is %+v", e)
		case e.Actor.Kind == trail.Staff && e.Actor.ID != nil:
			byStaff = append(byStaff, staffChange{e.Operation, staffMember{id: *e.Actor.ID, role: auth.Role(e.Actor.Role)}})
		case e.Actor.Kind == trail.Customer && e.Actor.ID != nil && *e.Actor.ID == d.customer.ID && (e.Operation == "order-place" || e.Operation == "return-create"):
		case e.Actor.Kind == trail.Function && e.Actor.ID == nil:
			byFunction[e.Operation] = true
		default:
			t.Errorf("an entry is by %+v: %+v", e.Actor, e)
		}
	}
	var want []staffChange
	for _, c := range d.changes {
		want = append(want, staffChange{c.function, staffMember{id: c.by.id, role: c.by.role}})
	}
	if !slices.Equal(byStaff, want) || counts[trail.Customer] != 3 || !maps.Equal(byFunction, map[string]bool{"order-confirm": true, "order-withdraw": true}) {
		t.Errorf("staff has made the changes %+v, want %+v; entries by kind: %v, by functions: %v", byStaff, want, counts, byFunction)
	}
}

// requireMovements requires that the movements of the cup say who removed units and why, and which
// order took some.
func (d *staffDay) requireMovements(t *testing.T) {
	t.Helper()
	var page api.Page[product.StockMovement]
	d.system.do(t, getRequest(d.owner.token, "/v1/products/"+d.cup.ID.String()+"/stock-movements")).MustBe(t, http.StatusOK).Into(t, &page)
	adjusted := slices.ContainsFunc(page.Items, func(m product.StockMovement) bool {
		return m.Kind == product.AdjustmentMovement && m.Delta == -15 && m.Reason == "water damage "+d.mark && m.UserID != nil && *m.UserID == d.by.id
	})
	ordered := slices.ContainsFunc(page.Items, func(m product.StockMovement) bool {
		return m.Kind == product.OrderMovement && m.OrderID != nil && *m.OrderID == d.order.ID && m.Delta == 2-dayCups
	})
	if !adjusted || !ordered {
		t.Errorf("the movements are %+v", page.Items)
	}
}

// dayExport are the parts of the export of an account that a day reads.
type dayExport struct {
	Account user.User
	Orders  []struct {
		ID            uuid.UUID
		PaymentRecord payment.Payment
	}
}

func (d *staffDay) mustReadExport(t *testing.T, r functiontest.Response) (e dayExport) {
	t.Helper()
	if err := json.Unmarshal(r.Body, &e); err != nil {
		t.Fatalf("read %s: %v", r.Body, err)
	}
	return e
}

// requireCustomerExport requires that the customer's export has the order with its payment and refunds.
func (d *staffDay) requireCustomerExport(t *testing.T) {
	t.Helper()
	r := d.system.do(t, getRequest(d.buyer, "/v1/users/me/export")).MustBe(t, http.StatusOK)
	e := d.mustReadExport(t, r)
	if e.Account.ID != d.customer.ID || len(e.Orders) != 1 || e.Orders[0].ID != d.order.ID || len(e.Orders[0].PaymentRecord.Refunds) != 2 {
		t.Errorf("the export is %s", r.Body)
	}
}
