package order_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/order"
	"souk/shared/address"
	"souk/shared/function/functiontest"
)

func TestPlace(t *testing.T) {
	t.Parallel()
	d := open(t)
	someone := d.customer(t)
	assam, cup := d.mustKnow(t, "Assam", 1299), d.mustKnow(t, "Cup", 500)

	t.Run("answers 201 with the order at the shop's prices, pending, and asks for its stock", func(t *testing.T) {
		t.Parallel()
		answer := d.place(t, someone, line(assam, 2), line(cup, 1))
		var o order.Order
		answer.MustBe(t, http.StatusCreated).Into(t, &o)
		if o.Status != order.Pending || o.UserID != someone.UserID || o.Total.Amount != 3098 || o.Total.Currency != "EUR" || o.Version != 1 {
			t.Errorf("placed %+v", o)
		}
		if len(o.Items) != 2 || o.Items[0].Name != "Assam" || o.Items[0].LineTotal.Amount != 2598 || o.Items[1].UnitPrice.Amount != 500 {
			t.Errorf("items %+v", o.Items)
		}
		if len(o.History) != 1 || o.History[0].Status != order.Pending {
			t.Errorf("history %+v", o.History)
		}
		if got, want := answer.Header.Get("Location"), "/v1/orders/"+o.ID.String(); got != want {
			t.Errorf("Location is %q, want %q", got, want)
		}
		if got := answer.Header.Get("ETag"); got != `"1"` {
			t.Errorf(`ETag is %s, want "1"`, got)
		}
		if got := answer.Header.Get("Preference-Applied"); got != "" {
			t.Errorf("Preference-Applied is %q without a preference", got)
		}
		stored := d.mustGet(t, someone.token, o.ID)
		if fmt.Sprintf("%+v", stored) != fmt.Sprintf("%+v", o) {
			t.Errorf("stored %+v, answered %+v", stored, o)
		}
		if e := d.placed(t, o.ID); len(e.Items) != 2 || e.Items[0] != (order.PlacedItem{ProductID: assam, Quantity: 2, UnitPrice: o.Items[0].UnitPrice}) || e.Total != o.Total {
			t.Errorf("order-placed tells %+v", e)
		}
	})

	t.Run("keeps the address as it was", func(t *testing.T) {
		t.Parallel()
		sent := map[string]any{"name": "Amira Haddad", "company": "Haddad Trading", "line1": "12 Market Street", "city": "Hong Kong",
			"region": "Kowloon", "country": "HK", "phone": "+852 2123-4567"}
		var o order.Order
		d.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: someone.token,
			Body: map[string]any{"items": []any{line(cup, 1)}, "shippingAddress": sent}}).MustBe(t, http.StatusCreated).Into(t, &o)
		stored := d.mustGet(t, someone.token, o.ID)
		want := address.PostalAddress{Name: "Amira Haddad", Company: "Haddad Trading", Line1: "12 Market Street", City: "Hong Kong",
			Region: "Kowloon", Country: "HK", Phone: "+85221234567"}
		if stored.ShippingAddress == nil || *stored.ShippingAddress != want {
			t.Errorf("stored address %+v", stored.ShippingAddress)
		}
	})

	t.Run("refuses a product that is not sold", func(t *testing.T) {
		t.Parallel()
		archived := uuid.New()
		d.mustSync(t, archived, 2, "Old", 100, "archived")
		for _, id := range []uuid.UUID{uuid.New(), archived} {
			d.place(t, someone, line(cup, 1), line(id, 1)).MustBeProblem(t, http.StatusConflict, "product_unavailable")
		}
	})

	t.Run("refuses what is no order", func(t *testing.T) {
		t.Parallel()
		bad := map[string][]map[string]any{
			"no items":           {},
			"a product twice":    {line(cup, 1), line(cup, 1)},
			"a quantity of none": {line(cup, 0)},
			"too many pieces":    {line(cup, 1001)},
			"a price":            {{"productId": cup, "quantity": 1, "unitPrice": map[string]any{"amount": 1, "currency": "EUR"}}},
			"an id that is none": {{"productId": "7", "quantity": 1}},
		}
		for name, items := range bad {
			t.Run(name, func(t *testing.T) {
				d.place(t, someone, items...).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			})
		}
	})

	t.Run("refuses items of two currencies", func(t *testing.T) {
		t.Parallel()
		dollar := uuid.New()
		e := functiontest.NewEvent(t, "product-changed", map[string]any{"productId": dollar, "sku": "MUG", "name": "Mug", "status": "active", "version": 1,
			"price": map[string]any{"amount": 1, "currency": "USD"}})
		d.Deliver(t, "catalog-sync", e).MustBe(t, http.StatusNoContent)
		d.place(t, someone, line(cup, 1), line(dollar, 1)).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})

	t.Run("refuses a total that no number holds", func(t *testing.T) {
		t.Parallel()
		gold := uuid.New()
		d.mustSync(t, gold, 1, "Gold", 1<<53-1, "active")
		d.place(t, someone, line(gold, 2)).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		d.place(t, someone, line(gold, 1), line(cup, 1)).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})

	t.Run("is for customers", func(t *testing.T) {
		t.Parallel()
		d.place(t, customer{}, line(cup, 1)).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}

// placed returns the order-placed event of an order.
func (d desk) placed(t *testing.T, id uuid.UUID) order.Placed {
	t.Helper()
	for _, e := range d.Topics.Of("order-placed") {
		var p order.Placed
		if err := json.Unmarshal(e.Payload, &p); err != nil {
			t.Fatal(err)
		}
		if p.OrderID == id {
			return p
		}
	}
	t.Fatalf("order-placed of %s was not published", id)
	return order.Placed{}
}

func TestPlaceAndWait(t *testing.T) {
	t.Parallel()
	d := open(t)
	someone := d.customer(t)
	cup := d.mustKnow(t, "Cup", 500)
	wait := func(t *testing.T, prefer string) (order.Order, http.Header) {
		t.Helper()
		answer := d.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: someone.token,
			Header: map[string]string{"Prefer": prefer}, Body: map[string]any{"items": []any{line(cup, 1)}}})
		var o order.Order
		answer.MustBe(t, http.StatusCreated).Into(t, &o)
		return o, answer.Header
	}

	t.Run("answers as soon as the order is decided", func(t *testing.T) {
		t.Parallel()
		d := open(t)
		cup := d.mustKnow(t, "Cup", 500)
		buyer := d.customer(t)
		decided := make(chan order.Order)
		go func() {
			defer close(decided)
			answer := d.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/orders", Token: buyer.token,
				Header: map[string]string{"Prefer": "respond-async, wait=30"}, Body: map[string]any{"items": []any{line(cup, 1)}}})
			if got := answer.Header.Get("Preference-Applied"); got != "wait=30" {
				t.Errorf("Preference-Applied is %q", got)
			}
			var o order.Order
			if err := json.Unmarshal(answer.Body, &o); err != nil {
				t.Error(err)
			}
			decided <- o
		}()
		var pending []order.Order
		for len(pending) == 0 {
			pending = d.mustList(t, buyer.token, "").Items
		}
		d.mustHear(t, "stock-reserved", pending[0].ID, "")
		if o := <-decided; o.Status != order.Confirmed || len(o.History) != 2 {
			t.Errorf("answered %+v, want it confirmed", o)
		}
	})

	t.Run("answers pending when the time is over", func(t *testing.T) {
		t.Parallel()
		o, header := wait(t, "wait=1")
		if o.Status != order.Pending || header.Get("Preference-Applied") != "wait=1" {
			t.Errorf("answered %s, Preference-Applied %q", o.Status, header.Get("Preference-Applied"))
		}
	})

	t.Run("ignores a preference that makes no sense", func(t *testing.T) {
		t.Parallel()
		for _, prefer := range []string{"wait", "wait=soon", "wait=-1", "return=minimal"} {
			if _, header := wait(t, prefer); header.Get("Preference-Applied") != "" {
				t.Errorf("Prefer: %s was applied", prefer)
			}
		}
	})
}
